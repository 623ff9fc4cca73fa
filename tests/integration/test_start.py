#!/usr/bin/python3
"""Topics on which a worker does not start, or starts with a warning."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import Worker, publish, request, wait_results


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

    def test_a_state_that_forgets_too_soon_is_refused(self):
        self.alter("state", "retention.ms=60000")
        self.refused("state", ["retention.ms is 60000"])

    def test_requests_that_are_compacted_are_refused(self):
        self.alter("requests", "cleanup.policy=compact")
        self.refused("requests", ["cleanup.policy is compact"])

    def test_fewer_partitions_beside_the_requests_are_refused(self):
        cli._broker.partitions_set(self.topics.name("requests"), 3)
        self.refused("retries", ["2 partitions, should be 3"])

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
