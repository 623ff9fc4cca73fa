#!/usr/bin/python3
"""Topics on which a worker does not start, or starts with a warning."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import Worker, publish, request, results, wait_results
from kafka_harness import free_ports
from test_cancel import http_get


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class Start(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(2)

    def refused(self, role, words, settings=()):
        with Worker(self.topics, settings=settings) as worker:
            self.assertEqual(worker.process.wait(60), 2, worker.text())
            last = worker.text().strip().splitlines()[-1]
        for word in (self.topics.name(role), "codeworker topics check", *words):
            self.assertIn(word, last)

    def alter(self, role, setting):
        cli._broker.topic_set(self.topics.name(role), setting)

    def test_times_of_producers_are_refused(self):
        self.alter("requests", "message.timestamp.type=CreateTime")
        self.refused("requests", ["message.timestamp.type", "LogAppendTime"])

    def test_times_of_those_who_cancel_are_refused(self):
        self.alter("control", "message.timestamp.type=CreateTime")
        self.refused("control", ["message.timestamp.type", "LogAppendTime"])

    def test_cancels_that_are_forgotten_too_soon_are_refused(self):
        self.alter("control", "retention.ms=3600000")
        self.refused("control", ["retention.ms is 3600000"])

    def test_topics_that_are_too_small_for_large_requests_are_told_of(self):
        for role in ("retries", "dead"):
            self.alter(role, "max.message.bytes=1048588")
        publish(self.topics, [request("t", "n", "x")])
        with Worker(self.topics) as worker:
            wait_results(self.topics, 1, worker=worker)
            told = worker.events("topic")
            self.assertEqual(worker.end(), 0)
        self.assertEqual({event["name"] for event in told}, {self.topics.name("retries"), self.topics.name("dead")})
        for event in told:
            self.assertEqual(event["level"], "warn")
            self.assertIn("max.message.bytes is 1048588, should be at least 1114124", event["fault"])

    def test_a_state_that_forgets_too_soon_is_refused(self):
        self.alter("state", "retention.ms=60000")
        self.refused("state", ["retention.ms is 60000"])

    def test_requests_that_are_compacted_are_refused(self):
        self.alter("requests", "cleanup.policy=compact")
        self.refused("requests", ["cleanup.policy is compact"])

    def test_fewer_partitions_beside_the_requests_are_refused(self):
        cli._broker.partitions_set(self.topics.name("requests"), 3)
        self.refused("retries", ["2 partitions, should be 3"])

    def test_a_state_that_lacks_a_partition_holds_the_takeover_and_says_so(self):
        cli._broker.partitions_set(self.topics.name("requests"), 3)
        publish(self.topics, [request("t%d" % i, "n", "x%d" % i) for i in range(20)])
        port = free_ports(1)[0]
        with Worker(self.topics, settings=["worker.topic_check=warn",
                                           "kafka.topic.metadata.refresh.interval.ms=2000",
                                           "http.listen=127.0.0.1:%d" % port]) as worker:
            worker.wait_log("taking partitions over")

            def held():
                return json.loads(http_get(port, "/status"))["takingOver"]
            cli.wait_until(lambda: held()["seconds"] >= 2 and held()["reason"], 60, "it is not told")
            told = held()
            self.assertEqual((told["partitions"], told["step"]), (3, "ends of the state"))
            self.assertIn("partition", told["reason"].lower())
            self.assertIn("codeworker_takeover_partitions 3\n", http_get(port, "/metrics"))
            self.assertEqual(results(self.topics), {})
            for role in ("state", "retries"):
                cli._broker.partitions_set(self.topics.name(role), 3)
            wait_results(self.topics, 20, worker=worker)
            self.assertEqual(held(), {"partitions": 0, "seconds": 0, "step": None, "reason": None})
            self.assertIn("codeworker_takeover_partitions 0\n", http_get(port, "/metrics"))

    def test_a_topic_that_is_missing_is_named(self):
        cli._broker.topic_remove(self.topics.name("dead"))
        self.refused("dead", ["missing", "codeworker topics create"], ["worker.topic_check=warn"])

    def test_who_asks_for_a_warning_has_a_worker(self):
        self.alter("requests", "message.timestamp.type=CreateTime")
        publish(self.topics, [request("t", "n", "x")])
        with Worker(self.topics, settings=["worker.topic_check=warn"]) as worker:
            wait_results(self.topics, 1, worker=worker)
            self.assertIn("should be LogAppendTime", worker.text())
            self.assertEqual(worker.end(), 0)

    def test_more_partitions_are_a_warning_only(self):
        cli._broker.partitions_set(self.topics.name("state"), 3)
        publish(self.topics, [request("t", "n", "x")])
        with Worker(self.topics) as worker:
            wait_results(self.topics, 1, worker=worker)
            self.assertIn("3 partitions, should be 2", worker.text())
            self.assertEqual(worker.end(), 0)


if __name__ == "__main__":
    cli.main()
