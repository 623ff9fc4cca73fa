#!/usr/bin/python3
"""Tenants on a real broker: whose requests come first, who waits, and what that takes in memory."""

import datetime
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import Worker, committed, publish, read, request, wait_results


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def made_topics(partitions=1):
    topics = cli.Topics()
    topics.create(partitions)
    return topics


def many(tenant, count, prefix="", **fields):
    """Requests of one tenant, each of a key of its own."""
    name = prefix + (tenant or "nobody")
    return [request("%s%d" % (name, i), "n", "%s-%d" % (name, i), tenant=tenant, **fields)
            for i in range(count)]


class Reader:
    """A read_committed consumer beside the worker: the results, of one partition in order. (While a
    transaction is open, the topic has no end that kcat -e would find.)"""

    def __init__(self, topics):
        self.output = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(
            ["kcat", "-b", cli.broker_address(), "-q", "-u", "-C", "-t", topics.name("results"), "-o",
             "beginning", "-X", "isolation.level=read_committed"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.output.close()

    def results(self):
        with open(self.output.name) as written:
            return [json.loads(line) for line in written.read().split("\n")[:-1]]

    def tenants(self):
        return [result["tenant"] for result in self.results()]

    def wait(self, worker, enough, seconds=60):
        """Until enough(results); returns them."""
        cli.wait_until(lambda: enough(self.results()) or worker.process.poll() is not None, seconds,
                       lambda: "%d results are not enough" % len(self.results()))
        return self.results()

    def wait_tenant(self, worker, tenant, count, seconds=60):
        """The tenants of all results, in order, once that many are of this one."""
        self.wait(worker, lambda found: sum(r["tenant"] == tenant for r in found) >= count, seconds)
        return self.tenants()


class Turns(unittest.TestCase):
    def test_a_newcomers_requests_do_not_wait_for_a_backlog(self):
        topics = made_topics()
        publish(topics, many("a", 5000, code="sleep 0.02"))
        publish(topics, many("b", 50, code="sleep 0.02"))
        with Worker(topics) as worker, Reader(topics) as reader:
            order = reader.wait_tenant(worker, "b", 50)
        last = [i for i, tenant in enumerate(order) if tenant == "b"][49]
        print("results of a before the last of b: %d" % order[:last].count("a"))
        self.assertLess(order[:last].count("a"), 1000)

    def test_weights_share_the_slots(self):
        topics = made_topics()
        publish(topics, many("a", 200, code="sleep 0.02") + many("b", 200, code="sleep 0.02"))
        with Worker(topics, settings=["fairness.weights.b=4"]) as worker, Reader(topics) as reader:
            order = reader.wait_tenant(worker, "b", 100)
        print("a %d, b %d" % (order.count("a"), order.count("b")))
        self.assertGreater(order.count("a"), 10)
        self.assertGreater(order.count("b"), 2 * order.count("a"))


SPIN = "t=$(date +%s%N); while [ $(( $(date +%s%N) - t )) -lt 300000000 ]; do :; done"


class Budgets(unittest.TestCase):
    def test_a_tenant_above_its_budget_waits_while_others_go_on_and_is_answered_at_its_deadline(self):
        topics, url = made_topics(), "http://127.0.0.1:%d" % free_port()
        deadline = int(time.time() * 1000) + 9000
        publish(topics, many("a", 20, code=SPIN) + many("a", 3, "late", code=":", deadline=deadline) +
                many("b", 10, code=SPIN))
        settings = ["fairness.cpu_per_minute_of.a=1s", "http.listen=" + url.removeprefix("http://")]
        with Worker(topics, settings=settings) as worker, Reader(topics) as reader:
            reader.wait_tenant(worker, "b", 10)
            found = reader.results()
            worker.wait_log("their CPU budget is used up")
            with urllib.request.urlopen(url + "/metrics", timeout=5) as answer:
                self.assertIn("\ncodeworker_tenants_held 1\n", answer.read().decode())
            self.assertLess(sum(r["tenant"] == "a" for r in found), 12)
            found = reader.wait(worker, lambda all: sum(r["status"] == "SKIPPED" for r in all) == 3)
            self.assertEqual(worker.end(), 0)
        late = [r for r in found if r["status"] == "SKIPPED"]
        print("skipped %s ms after their deadline" % [r["timestamp"] - deadline for r in late])
        for result in late:
            self.assertEqual(result["error"]["code"], "expired")
            self.assertGreaterEqual(result["timestamp"], deadline)
            self.assertLess(result["timestamp"], deadline + 2000)


class Deadlines(unittest.TestCase):
    def test_what_expires_behind_its_key_is_answered_at_its_deadline(self):
        topics = made_topics()
        with Worker(topics) as worker, Reader(topics) as reader:
            worker.wait_log("partitions assigned")
            soon = int(time.time() * 1000) + 4000
            deadlines = {"late%d" % i: soon + 170 * i for i in range(8)}
            publish(topics, [request("t", "n", "long", code="sleep 20")] +
                    [request("t", "n", name, deadline=at) for name, at in deadlines.items()] +
                    [request("u", "n", "again", code="exit 3", retries=5, retryDelayMs=60000,
                             deadline=soon)])
            found = {r["executionId"]: r for r in
                     reader.wait(worker, lambda found: len(found) == len(deadlines) + 1)}
        again = found.pop("again")
        self.assertEqual((again["status"], again["error"]["code"], again["attempt"]),
                         ("FAILED", "execution.exit", 1))
        self.assertLess(again["timestamp"], soon)	# its next attempt could not begin in time
        late = [found[name]["timestamp"] - at for name, at in deadlines.items()]
        print("answered %s ms after their deadlines" % late)
        self.assertEqual({(r["status"], r["error"]["code"]) for r in found.values()},
                         {("SKIPPED", "expired")})
        self.assertGreaterEqual(min(late), 0)
        self.assertLess(max(late), 500)


HELD = "the partition waits for one request: its window is full"


def clock_ms(text):
    """Of a line of the log."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


class Windows(unittest.TestCase):
    def test_what_holds_a_full_window_is_named(self):
        topics, url = made_topics(), "http://127.0.0.1:%d" % free_port()
        publish(topics, [request("slow", "one", "holder", code="sleep 10")] + many("a", 200, code=":"))
        settings = ["worker.window=100", "http.listen=" + url.removeprefix("http://")]
        begin = time.monotonic()
        with Worker(topics, settings=settings) as worker, Reader(topics) as reader:
            worker.wait_log("partitions assigned")
            assigned = time.monotonic()
            reader.wait(worker, lambda found: len(found) >= 1)
            self.assertLess(time.monotonic() - assigned, 5)
            found = reader.wait(worker, lambda found: len(found) >= 99)
            self.assertNotIn("holder", [r["executionId"] for r in found])

            def holders():
                with urllib.request.urlopen(url + "/status", timeout=5) as answer:
                    return json.load(answer)["windowsFull"]

            cli.wait_until(holders, 10, "/status never named a full window")
            holder, = holders()
            self.assertGreater(holder.pop("heldMs"), 0)
            self.assertEqual(holder, {
                "topic": topics.name("requests"), "partition": 0, "offset": 0, "executionId": "holder",
                "threadId": "slow", "nodeId": "one", "state": "running"})
            worker.wait_log(HELD)
            told = worker.events(HELD)[0]
            held_ms = told.pop("held_ms")
            self.assertEqual({name: told[name] for name in told if name not in ("time", "level")},
                             dict(holder, message=HELD))
            self.assertGreater(held_ms, 4000)
            self.assertLess(held_ms, 1000 * (time.monotonic() - begin))
            with urllib.request.urlopen(url + "/metrics", timeout=5) as answer:
                age, = re.findall(r'^codeworker_watermark_age_seconds{partition="0"} (\S+)$',
                                  answer.read().decode(), re.MULTILINE)
            self.assertGreater(float(age), 4)
            self.assertLess(float(age), time.monotonic() - begin)
            reader.wait(worker, lambda found: len(found) == 201)
            cli.wait_until(lambda: not holders(), 5, "/status still names a window")


    def test_who_keeps_half_of_what_was_a_full_window_is_named(self):
        topics, url = made_topics(), "http://127.0.0.1:%d" % free_port()
        publish(topics, [request("slow", "one", "first", code="sleep 8")] + many("a", 19, code=":") +
                [request("slow", "two", "second", code="sleep 600", timeoutMs=600000)] +
                many("b", 200, code=":"))
        settings = ["worker.window=100", "worker.slots=3", "http.listen=" + url.removeprefix("http://")]
        with Worker(topics, settings=settings) as worker, Reader(topics) as reader:

            def holders():
                with urllib.request.urlopen(url + "/status", timeout=5) as answer:
                    return [(one["offset"], one["nodeId"], one["state"]) for one in json.load(answer)["windowsFull"]]

            worker.wait_log("partitions assigned")
            cli.wait_until(lambda: holders() == [(0, "one", "running")], 20, "the first is not named")
            reader.wait(worker, lambda found: len(found) >= 99)
            cli.wait_until(lambda: holders() == [(20, "two", "running")], 20, "the second is not named")
            cli.wait_until(lambda: [e["offset"] for e in worker.events(HELD)][-1:] == [20], 20, "nor logged")
            self.assertEqual(len(reader.results()), 99)
            self.assertEqual(topics.run("cancel", "--execution-id", "second").returncode, 0)
            reader.wait(worker, lambda found: len(found) >= 221)
            cli.wait_until(lambda: not holders(), 10, "/status still names a window")
            self.assertEqual(worker.end(), 0)

    def test_who_takes_a_full_window_over_begins_within_five_seconds(self):
        topics, beyond = made_topics(), 9999	# with the holder, worker.window's default
        # Jobs have a /tmp of their own.
        with tempfile.TemporaryDirectory(dir="/var/tmp") as gate, Worker(topics, settings=[
                "worker.id=one", "policy.isolation_floor=none"]) as worker, Reader(topics) as reader:
            os.chmod(gate, 0o755)	# jobs are other users
            code = "test -e %s/open || exec sleep 600" % gate
            publish(topics, [request("slow", "one", "holder", code=code, risk="none", timeoutMs=600000)] +
                    many("done", beyond, deadline=1) + many("new", 20, risk="none"))
            found = reader.wait(worker, lambda found: len(found) >= beyond)
            self.assertEqual({r["tenant"] for r in found}, {"done"})
            worker.wait_log(HELD)
            worker.kill()
            self.assertLess(committed(worker.group, topics.name("requests"), 0), 1)
            with open(gate + "/open", "w"):
                worker.start()
            found = reader.wait(worker, lambda found: len(found) >= beyond + 21)
            joined, assigned = (worker.events(message)[-1] for message in (
                "joined the group", "partitions assigned"))
            self.assertEqual(worker.end(), 0)
            found = reader.results()
        self.assertEqual(len({r["executionId"] for r in found}), len(found))
        self.assertEqual(assigned["remembered"], beyond)
        after_ms = [r["timestamp"] - clock_ms(joined["time"]) for r in found if r["tenant"] != "done"]
        print("after it had joined: its state read %d ms, first result %d ms, last %d ms" % (
            clock_ms(assigned["time"]) - clock_ms(joined["time"]), min(after_ms), max(after_ms)))
        self.assertEqual(found[beyond]["executionId"], "holder")
        self.assertLess(max(after_ms), 5000)


class Memory(unittest.TestCase):
    """A backlog stays in its topic, whatever its size."""

    def check(self, count, size, results, partitions):
        topics = made_topics(partitions)
        code = ": " + "x" * size
        for begin in range(0, count, 1000):
            publish(topics, many("a", min(1000, count - begin), "%d." % begin, code=code))
        with Worker(topics) as worker, Reader(topics) as reader:
            reader.wait(worker, lambda found: len(found) >= results)
            peak = cli.peak_mib(worker.process.pid)
        print("%d requests of %d bytes: %d MiB at most" % (count, size, peak))
        self.assertLess(peak, 256)

    def test_a_hundred_thousand_small_requests(self):
        self.check(100000, 10, 300, 8)

    def test_requests_of_100_kib(self):
        self.check(3000, 100 << 10, 300, 1)


if __name__ == "__main__":
    cli.main()
