#!/usr/bin/env python3
"""worker.delivery: at_least_once. Records without transactions, offsets behind them: nothing is lost whenever
the worker dies, and without a death nothing stands there twice.
"""

import signal
import unittest

import cli_support as cli
import test_crash
from delivery_support import (Worker, committed, end_offset, publish, read, request, results,
                              wait_results)

PARTITIONS = test_crash.PARTITIONS
SETTINGS = ["worker.delivery=at_least_once", "worker.id=one"]
NO_COMMITS, COMMITS = "max.message.bytes=20", "max.message.bytes=1048588"	# of __consumer_offsets


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class AtLeastOnce(unittest.TestCase):
    written, check = test_crash.Crash.written, test_crash.Crash.check
    check_order, check_others = test_crash.Crash.check_order, test_crash.Crash.check_others

    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(PARTITIONS)
        self.group = "a" + self.topics.name("state")

    def worker(self, *settings):
        return Worker(self.topics, self.group, [*SETTINGS, *settings])

    def positions(self):
        return [max(committed(self.group, self.topics.name("requests"), p), 0)
                for p in range(PARTITIONS)]

    def ends(self, role):
        return [end_offset(self.topics.name(role), p) for p in range(PARTITIONS)]

    def wait_committed(self):
        cli.wait_until(lambda: self.positions() == self.ends("requests"), 30,
                       "the offsets were never committed")

    def check_times(self, expected, most):
        """Every execution has its result, at most so many of them more than one."""
        found = results(self.topics)
        self.assertEqual(sorted(set(expected) ^ set(found)), [])
        for name, records in found.items():
            for record in records:
                error = record.value["error"]
                self.assertEqual((record.value["status"], error and error["code"]), expected[name][:2])
        twice = [name for name, records in found.items() if len(records) > 1]
        self.assertLessEqual(len(twice), most, twice)
        return found

    def test_without_a_death_all_stands_there_once_in_order_and_no_transaction(self):
        requests, expected = test_crash.mixed(300, 5)
        with self.worker() as worker:
            publish(self.topics, requests)
            wait_results(self.topics, 300, worker=worker)
            self.wait_committed()
            publish(self.topics, [one for one in requests if expected[one["executionId"]][3] == "good"])
            self.wait_committed()
            self.assertEqual(worker.end(), 0)
        found = self.check(expected)
        self.check_order(expected)
        self.check_others(expected)
        self.assertEqual(sum(self.ends("results")), len(found), "markers of transactions")

    def test_kills_on_the_way_lose_nothing(self):
        requests, expected = test_crash.mixed(600, 20261128)
        with self.worker("worker.crash_limit=100") as worker:
            publish(self.topics, requests)
            for _ in range(3):
                start = self.written()
                cli.wait_until(lambda: self.written() > start + 60, 60, "nothing was written")
                worker.kill()
                worker.start()
            wait_results(self.topics, 600, seconds=120, worker=worker)
            self.wait_committed()
            self.assertEqual(worker.end(), 0)
        self.check_times(expected, most=60)

    def test_offsets_stay_where_they_are_while_results_can_not_be_written(self):
        requests = [request("t%d" % i, "n", "w%03d" % i, code="echo $CODE_EXECUTION_ID") for i in range(40)]
        broker = cli._broker
        with self.worker() as worker:
            worker.wait_log("partitions assigned")
            broker.topic_remove(self.topics.name("results"))
            publish(self.topics, requests)
            cli.wait_until(lambda: sum(self.ends("state")) > 0, 30, "nothing was produced")
            worker.wait_log("records were not acknowledged")
            self.assertEqual(self.positions(), [0] * PARTITIONS)
            self.topics.create(PARTITIONS)
            wait_results(self.topics, 40, worker=worker)
            self.wait_committed()
            self.assertEqual(worker.end(), 0)
        self.assertEqual({len(records) for records in results(self.topics).values()}, {1})

    def test_a_death_while_results_can_not_be_written_loses_nothing(self):
        """A mark that is stored before its result would have the successor forget the execution."""
        with self.worker() as worker:
            worker.wait_log("partitions assigned")
            cli._broker.topic_remove(self.topics.name("results"))
            publish(self.topics, [request("t%d" % i, "n", "v%03d" % i) for i in range(40)])
            worker.wait_log("records were not acknowledged")
            worker.kill()
            self.assertNotIn("final", [record.value["type"] for record in read(self.topics, "state")])
            self.topics.create(PARTITIONS)
            worker.start()
            wait_results(self.topics, 40, worker=worker)
            self.wait_committed()
            self.assertEqual(worker.end(), 0)

    def test_a_death_between_results_and_offsets_loses_nothing(self):
        requests = [request("t%d" % i, "n", "c%03d" % i, code="echo $CODE_EXECUTION_ID") for i in range(40)]
        broker = cli._broker
        with self.worker() as worker:
            worker.wait_log("partitions assigned")
            broker.topic_set("__consumer_offsets", NO_COMMITS)
            try:
                publish(self.topics, requests)
                worker.wait_log("offsets are not committed")
                self.assertEqual(self.positions(), [0] * PARTITIONS)
                self.assertGreater(len(results(self.topics)), 0)
                worker.kill()
            finally:
                broker.topic_set("__consumer_offsets", COMMITS)
            before = results(self.topics)
            worker.start()
            wait_results(self.topics, 40, worker=worker)
            self.wait_committed()
            self.assertEqual(worker.end(), 0)
        found = self.check_times({"c%03d" % i: ("COMPLETED", None) for i in range(40)}, most=len(before))
        for name, records in before.items():
            self.assertEqual(len(found[name]), len(records),
                             "%s ran again, though code.state told of it" % name)

    def test_offsets_that_were_refused_for_a_while_are_committed_and_nothing_is_produced_again(self):
        requests = [request("t%d" % i, "n", "d%03d" % i) for i in range(40)]
        broker = cli._broker
        with self.worker() as worker:
            worker.wait_log("partitions assigned")
            broker.topic_set("__consumer_offsets", NO_COMMITS)
            try:
                publish(self.topics, requests)
                worker.wait_log("offsets are not committed")
            finally:
                broker.topic_set("__consumer_offsets", COMMITS)
            wait_results(self.topics, 40, worker=worker)
            self.wait_committed()
            self.assertEqual(worker.end(), 0)
        self.assertEqual({len(records) for records in results(self.topics).values()}, {1})

    def test_a_worker_that_was_stopped_loses_nothing_and_takes_no_offset_back(self):
        settings = ["worker.delivery=at_least_once", "kafka.session.timeout.ms=6000"]
        requests = [request("t%d" % (i % 20), "n", "s%03d" % i, code="sleep 0.15") for i in range(200)]
        with Worker(self.topics, self.group, settings) as first, \
                Worker(self.topics, self.group, settings) as second:
            first.wait_log("partitions assigned")
            second.wait_log("partitions assigned")
            publish(self.topics, requests)
            wait_results(self.topics, 20)
            first.process.send_signal(signal.SIGSTOP)
            wait_results(self.topics, 200, seconds=90, worker=second)
            self.wait_committed()
            first.process.send_signal(signal.SIGCONT)
            first.wait_log("partitions lost")
            first.wait_log("partitions assigned")
            self.wait_committed()
            self.assertEqual((first.end(), second.end()), (0, 0))
        self.assertEqual(self.positions(), self.ends("requests"))
        self.check_times({"s%03d" % i: ("COMPLETED", None) for i in range(200)}, most=20)

    def test_a_refused_record_is_replaced_and_the_rest_of_its_batch_stands(self):
        large = "head -c 30000 /dev/zero | tr '\\0' x"
        requests = [request("t%d" % i, "n", "l%03d" % i, code=large if i == 7 else ":") for i in range(30)]
        with self.worker() as worker:
            worker.wait_log("partitions assigned")
            cli._broker.topic_set(self.topics.name("results"), "max.message.bytes=20000")
            publish(self.topics, requests)
            found = wait_results(self.topics, 30, worker=worker)
            self.wait_committed()
            self.assertEqual(worker.end(), 0)
        self.assertEqual({len(records) for records in found.values()}, {1})
        self.assertEqual(found["l007"][0].value["error"]["code"], "limit.output")
        self.assertEqual(len(read(self.topics, "dead")), 0)


if __name__ == "__main__":
    cli.main()
