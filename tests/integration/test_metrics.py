#!/usr/bin/python3
"""What /metrics tells of the queue, beside what the topics hold, and the alerts that are made of it."""

import collections
import ctypes
import math
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import (Transactions, Worker, committed, end_offset, publish, read, request, results,
                              wait_results)
from kafka_harness import free_ports
from test_cancel import http_get

DOCS = os.path.join(cli.ROOT, "docs")
WINDOW = 50
SERIES = re.compile(r"^([a-z_]+)(?:{(.*)})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)\s*=~?\s*"([^"]*)"')
OF_PROMETHEUS = {"job", "instance"}


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class Scrape:
    def __init__(self, port):
        self.series = {}
        for line in http_get(port, "/metrics").splitlines():
            if not line.startswith("#"):
                name, labels, value = SERIES.match(line).groups()
                self.series[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    def value(self, name, **labels):
        """NaN, which equals nothing: it is not shown yet."""
        return self.series.get(("codeworker_" + name, frozenset(labels.items())), math.nan)

    def labels(self, name):
        """Of all its series; empty: there is none."""
        return [dict(labels) for found, labels in self.series if found == name]

    def counts(self, name, label):
        """By that label, without those that are 0."""
        return {dict(labels)[label]: value for (found, labels), value in self.series.items()
                if found == "codeworker_" + name and value > 0}


class Queue(unittest.TestCase):
    def setUp(self):
        self.topics, self.port = cli.Topics(), free_ports(1)[0]
        self.topics.create(1)
        self.worker = self.enterContext(Worker(self.topics, settings=[
            "worker.window=%d" % WINDOW, "http.listen=127.0.0.1:%d" % self.port]))
        self.worker.wait_log("partitions assigned")

    def wait(self, seconds=20, **expected):
        """Until these have these values; returns the scrape."""
        seen = {}

        def reached():
            self.scrape = Scrape(self.port)
            seen.update({name: self.scrape.value(name) for name in expected})
            return seen == expected
        cli.wait_until(reached, seconds, lambda: "expected %s, saw %s" % (expected, seen))
        return self.scrape

    def assert_idle(self):
        scrape = self.wait(backlog=0, jobs_running=0, jobs_queued=0, partitions=1, partitions_paused=0)
        cli.wait_until(lambda: not any(Scrape(self.port).value(name, partition="0") for name in (
            "lag", "window_fill", "watermark_age_seconds")), 20, "idle, it shows a lag or an age")
        return scrape

    def test_it_counts_what_the_topics_hold(self):
        again = 'test "$CODE_ATTEMPT" = 2'
        publish(self.topics, [request("t", "good%d" % i, "good%d" % i) for i in range(3)] + [
            request("t", "exit", "exit", code="exit 3"),
            request("t", "late", "late", code="sleep 30", timeoutMs=100),
            request("t", "again", "again", code=again, retries=1, retryDelayMs=10),
            request("t", "skipped", "skipped", deadline=1), ("k", "{broken"),
            request("t", "good0", "good0"), request("t", "exit", "exit")])
        wait_results(self.topics, 7, worker=self.worker)
        scrape = self.wait(deduped_total=2, malformed_total=1, retries_total=1, dead_total=3)
        self.assertEqual(scrape.counts("requests_total", "encoding"), {"json": 9})
        statuses = collections.Counter(one.value["status"] for found in results(self.topics).values()
                                       for one in found)
        self.assertEqual(scrape.counts("results_total", "status"), statuses)
        self.assertEqual(statuses, {"COMPLETED": 4, "FAILED": 2, "SKIPPED": 1})
        codes = collections.Counter(one.value["error"]["code"] for one in read(self.topics, "errors"))
        self.assertEqual(scrape.counts("errors_total", "code"), codes)
        self.assertEqual(codes, {"execution.exit": 2, "timeout": 1, "request.malformed": 1})
        self.assertEqual([len(read(self.topics, role)) for role in ("dead", "retries")], [3, 1])
        self.assertEqual(scrape.counts("job_seconds_count", "status"), {"COMPLETED": 4, "FAILED": 3})
        self.assertEqual(scrape.value("queue_seconds_count"), 6)
        commits = scrape.value("commits_total")
        self.assertGreater(commits, 0)
        self.assertEqual((scrape.value("transaction_seconds_count"), scrape.value("aborts_total"),
                          scrape.value("rebalances_total")), (commits, 0, 1))
        self.assertGreater(scrape.value("transaction_seconds_sum"), 0)
        self.assertLess(scrape.value("transaction_seconds_sum"), 10 * commits)
        self.assert_idle()

    def test_it_shows_what_runs_and_waits(self):
        began = time.monotonic()
        publish(self.topics, [request("r", "n", "later", code="exit 1", retries=1, retryDelayMs=3600000)])
        self.wait(retries_waiting=1, retries_total=1)
        publish(self.topics, [request("t", "n%d" % i, "x%d" % i, code="sleep 600", timeoutMs=600000)
                              for i in range(7)])
        scrape = self.wait(jobs_running=2, jobs_queued=5, backlog=5, slots=2, retries_waiting=1)
        cli.wait_until(lambda: Scrape(self.port).value("lag", partition="0") == 7, 20, "lag is not 7")
        cli.wait_until(lambda: Scrape(self.port).value("watermark_age_seconds", partition="0") >= 1, 20,
                       "the watermark has no age")
        scrape = Scrape(self.port)
        self.assertEqual(scrape.value("window_fill", partition="0"), 7 / WINDOW)
        self.assertLess(scrape.value("watermark_age_seconds", partition="0"), time.monotonic() - began)
        self.assertEqual(self.topics.run("cancel", "--thread", "t").returncode, 0)
        wait_results(self.topics, 7, worker=self.worker)
        scrape = self.assert_idle()
        self.assertEqual(scrape.counts("results_total", "status"), {"CANCELLED": 7})
        self.assertEqual((scrape.value("retries_waiting"), scrape.value("controls_total")), (1, 1))

    def test_idle_it_shows_no_lag_behind_the_markers_of_a_producer_with_transactions(self):
        topic = self.topics.name("requests")
        with Transactions(topic) as producer:
            producer.write([request("t", "n%d" % i, "x%d" % i) for i in range(3)])
            wait_results(self.topics, 3, worker=self.worker)
            self.assertEqual(end_offset(topic, 0), 4)
            cli.wait_until(lambda: committed(self.worker.group, topic, 0) == 4, 20,
                           "a marker at the end is lag to the group")
            self.assert_idle()
            producer.write([request("u", "n%d" % i, "dropped%d" % i) for i in range(3)], commit=False)
            self.assertEqual(end_offset(topic, 0), 8)
            cli.wait_until(lambda: committed(self.worker.group, topic, 0) == 8, 20,
                           "what was aborted at the end is lag to the group")
            scrape = self.assert_idle()
            self.assertEqual(scrape.counts("requests_total", "encoding"), {"json": 3})
            producer.write([request("t", "n", "last")])
        self.assertEqual(set(wait_results(self.topics, 4, worker=self.worker)), {"x0", "x1", "x2", "last"})
        cli.wait_until(lambda: committed(self.worker.group, topic, 0) == 10, 20, "the last is lag to the group")

    def rebalances(self):
        """As counted, and as logged: what was taken away and what was given."""
        counted = Scrape(self.port).value("rebalances_total")
        return counted, sum(len(self.worker.events(message)) for message in (
            "partitions revoked", "partitions lost", "partitions assigned"))

    def wait_rebalanced(self, before):
        def settled():
            counted, logged = self.rebalances()
            return counted >= before + 2 and counted == logged
        cli.wait_until(settled, 40, lambda: "counted and logged: %d, %d" % self.rebalances())
        return self.rebalances()[0]

    def test_it_counts_rebalances_and_tells_whose_the_partition_is(self):
        other = free_ports(1)[0]
        with Worker(self.topics, self.worker.group, ["http.listen=127.0.0.1:%d" % other]) as second:
            joined = self.wait_rebalanced(1)
            second.wait_log("partitions assigned")
            cli.wait_until(lambda: sum(Scrape(port).value("partitions")
                                       for port in (self.port, other)) == 1, 20, "nobody's partition")
            self.assertEqual(second.end(), 0)
        self.wait_rebalanced(joined)
        self.wait(partitions=1)


def yaml_is_sound(text):
    """By libyaml, which the program has too; its structs have less than 1 KiB."""
    library = ctypes.CDLL("libyaml-0.so.2")
    parser, event = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(4096)
    library.yaml_parser_initialize(parser)
    library.yaml_parser_set_input_string(parser, text, ctypes.c_size_t(len(text)))
    end, kind = 2, 0			# YAML_STREAM_END_EVENT
    while kind != end:
        if not library.yaml_parser_parse(parser, event):
            return False
        kind = ctypes.c_int.from_buffer(event).value
        library.yaml_event_delete(event)
    library.yaml_parser_delete(parser)
    return True


class Alerts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The rules, and what a worker shows that has done one request."""
        with open(os.path.join(DOCS, "alerts.yml")) as file:
            cls.text = file.read()
        cls.rules = {}
        for rule in re.split(r"^      - alert: ", cls.text, flags=re.MULTILINE)[1:]:
            name, rest = rule.split("\n", 1)
            cls.rules[name] = re.match(
                r"        expr: (.*?)\n(?:        for: \d+[smh]\n)?        labels: {severity: \w+}\n"
                r"        annotations: {summary: \"(.*)\"}\s*$", rest, re.DOTALL).groups()
        topics, port = cli.Topics(), free_ports(1)[0]
        topics.create(1)
        with Worker(topics, settings=["http.listen=127.0.0.1:%d" % port]) as worker:
            publish(topics, [request("t", "n", "x")])
            wait_results(topics, 1, worker=worker)
            cli.wait_until(lambda: all(Scrape(port).labels("codeworker_" + name) for name in (
                "lag", "window_fill", "watermark_age_seconds")), 20, "nothing is shown of the partition")
            cls.scrape = Scrape(port)

    def metrics_of(self, expression):
        """Name and what stands in its braces."""
        return re.findall(r'\b(codeworker_\w+|process_\w+|up)\b(?:{([^}]*)})?', expression)

    def test_the_file_is_yaml(self):
        self.assertTrue(yaml_is_sound(self.text.encode()))
        self.assertFalse(yaml_is_sound(self.text.replace("labels: {", "labels: {{", 1).encode()))

    def test_every_metric_and_label_is_there(self):
        for alert, (expression, _) in self.rules.items():
            with self.subTest(alert):
                self.assertEqual(expression.count("("), expression.count(")"))
                metrics = self.metrics_of(expression)
                self.assertTrue(metrics)
                for name, matchers in metrics:
                    if name == "up":	# Prometheus's own
                        continue
                    series = self.scrape.labels(name)
                    self.assertTrue(series, name)
                    wanted = {pair for pair in LABEL.findall(matchers) if pair[0] not in OF_PROMETHEUS}
                    self.assertTrue(any(wanted <= labels.items() for labels in series), (name, wanted))
                for names in re.findall(r"\bby \(([^)]*)\)", expression):
                    for label in set(names.split(", ")) - OF_PROMETHEUS:
                        self.assertTrue(all(label in labels for name, _ in metrics
                                            for labels in self.scrape.labels(name)), label)

    def test_what_a_summary_names_is_there(self):
        for alert, (expression, summary) in self.rules.items():
            where_there = set(re.findall(r"{{ with \$labels\.(\w+) }}", summary))
            for label in set(re.findall(r"\$labels\.(\w+)", summary)) - where_there:
                with self.subTest(alert, label=label):
                    if re.match(r"sum\b|sum\(|histogram_quantile", expression.strip("| \n")):
                        self.assertRegex(expression, r"by \([^)]*\b%s\b" % label)
                    elif label not in OF_PROMETHEUS:
                        self.assertTrue(all(label in labels for name, _ in self.metrics_of(expression)
                                            for labels in self.scrape.labels(name)))

    def test_no_worker_at_all_is_an_alert(self):
        """A sum of nothing is nothing, and not 0."""
        self.assertIn("or absent(codeworker_partitions)", self.rules["CodeworkerNoOwner"][0])

    def test_each_is_explained(self):
        with open(os.path.join(DOCS, "delivery.md")) as file:
            table = file.read().partition("\n## Alerts\n")[2].partition("\n## ")[0]
        self.assertEqual(set(re.findall(r"\bCodeworker\w+", table)), set(self.rules))


if __name__ == "__main__":
    cli.main()
