#!/usr/bin/python3
"""Tenants on a real broker: whose requests come first, who waits, and what that takes in memory."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import Worker, publish, read, request, wait_results


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
    """A read_committed consumer beside the worker: the results of a topic of one partition, in order. (While a
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
                       "not enough results")
        return self.results()

    def wait_tenant(self, worker, tenant, count, seconds=60):
        """The tenants of all results, in order, once that many are of this one."""
        self.wait(worker, lambda found: sum(r["tenant"] == tenant for r in found) >= count, seconds)
        return self.tenants()


def resident_mib(worker):
    with open("/proc/%d/status" % worker.process.pid) as status:
        return max(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


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
        publish(topics, many("a", 300, code="sleep 0.02") + many("b", 300, code="sleep 0.02"))
        with Worker(topics, settings=["fairness.weights.b=4"]) as worker, Reader(topics) as reader:
            order = reader.wait_tenant(worker, "b", 200)[:200]
        print("of 200: a %d, b %d" % (order.count("a"), order.count("b")))
        self.assertGreater(order.count("a"), 20)
        self.assertGreater(order.count("b"), 2 * order.count("a"))


class Memory(unittest.TestCase):
    """A backlog stays in its topic, whatever its size."""

    def check(self, count, size, results):
        topics = made_topics()
        code = ": " + "x" * size
        for begin in range(0, count, 1000):
            publish(topics, many("a", min(1000, count - begin), "%d." % begin, code=code))
        with Worker(topics) as worker, Reader(topics) as reader:
            reader.wait(worker, lambda found: len(found) >= results)
            time.sleep(5)
            peak = resident_mib(worker)
        print("%d requests of %d bytes: %d MiB at most" % (count, size, peak))
        self.assertLess(peak, 256)

    def test_a_hundred_thousand_small_requests(self):
        self.check(100000, 10, 500)

    def test_requests_of_100_kib(self):
        self.check(3000, 100 << 10, 300)


if __name__ == "__main__":
    cli.main()
