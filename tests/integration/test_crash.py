#!/usr/bin/python3
"""Workers that die by SIGKILL: exactly one final result per execution, in the order of each key."""

import collections
import os
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import Worker, publish, read, request, results, wait_results

PARTITIONS = 8
REQUESTS = 2000
KEYS = 120


BROKER = None


def setUpModule():
    global BROKER
    cli.broker_start(apart=True)
    BROKER = cli._broker


def tearDownModule():
    cli.broker_stop()


def mixed(count, seed):
    """Requests of every outcome that needs no long job; what each must end as, by executionId."""
    chance = random.Random(seed)
    requests, expected = [], {}
    for number in range(count):
        thread, node = "thread%d" % (number % KEYS), "node"
        execution = "x%05d" % number
        kind = chance.choices(["good", "value", "exit", "retried", "refused", "unsupported",
                               "expired", "malformed"], [60, 10, 10, 6, 4, 4, 3, 3])[0]
        status, code, fields = "FAILED", None, {"code": "exit 3"}
        if kind == "good":
            status, fields = "COMPLETED", {"code": "sleep 0.04; echo %d" % number}
        elif kind == "value":
            status, fields = "COMPLETED", {"code": "echo %d > $CODE_OUTPUT" % number}
        elif kind == "exit":
            code = "execution.exit"
        elif kind == "retried":
            code = "execution.exit"
            fields.update(retries=1, retryDelayMs=30)
        elif kind == "refused":
            code, fields = "code.security", {"risk": "medium", "code": "shutdown"}
        elif kind == "unsupported":
            code, fields = "code.unsupported", {"scriptType": "cobol"}
        elif kind == "expired":
            status, code, fields = "SKIPPED", "expired", {"deadline": 1000}
        elif kind == "malformed":
            code, fields = "request.malformed", {"timeoutMs": -1}
        requests.append(request(thread, node, execution, **fields))
        expected[execution] = (status, code, number, kind)
        if kind != "malformed" and chance.random() < 0.05:	# the same execution again: runs nothing and writes nothing
            requests.append(requests[-1])
    return requests, expected


class Crash(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(PARTITIONS)

    def written(self):
        """Records in the results, committed or not: quicker told than read."""
        asked = [piece for p in range(PARTITIONS)
                 for piece in ("-t", "%s:%d:-1" % (self.topics.name("results"), p))]
        return sum(int(line.split()[-1]) for line in cli.kcat("-Q", *asked).splitlines())

    def check(self, expected):
        found = results(self.topics)
        lost = sorted(set(expected) - set(found))
        twice = sorted(name for name, records in found.items() if len(records) != 1)
        self.assertEqual((lost[:5], twice[:5], sorted(set(found) - set(expected))), ([], [], []))
        for name, (status, code, number, kind) in expected.items():
            value = found[name][0].value
            self.assertEqual((value["status"], value["error"] and value["error"]["code"]),
                             (status, code), name)
            if kind == "good":
                self.assertEqual(value["stdout"], "%d\n" % number)
            if kind == "value":
                self.assertEqual(value["output"], number)
        return found

    def check_order(self, expected):
        """A key's results stand in the order of its requests; a retry may let others pass, and what has
        expired does not wait for its key."""
        last = collections.defaultdict(lambda: ("", -1))
        for record in read(self.topics, "results"):
            execution = record.value["executionId"]
            number, kind = expected[execution][2:]
            before, latest = last[record.key]
            if kind not in ("retried", "expired"):
                self.assertGreater(number, latest, "%s %s came after %s %s" % (
                    execution, expected[execution], before, expected.get(before)))
                last[record.key] = (execution, number)

    def test_two_kills_on_the_way_leave_one_result_each_of_2000_requests(self):
        requests, expected = mixed(REQUESTS, 20260801)
        settings = ["worker.id=phoenix", "worker.slots=4"]
        third = len(requests) // 3
        with Worker(self.topics, settings=settings) as worker:
            for begin in (0, third):
                publish(self.topics, requests[begin:begin + third])
                published = len({one["executionId"] for one in requests[:begin + third]})
                start = self.written()
                cli.wait_until(lambda: self.written() > start + 100, 60, "nothing was written")
                worker.kill()
                self.assertLess(len(results(self.topics)), published, "nothing was under way")
                worker.start()
            publish(self.topics, requests[2 * third:])
            wait_results(self.topics, REQUESTS, seconds=120, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.check(expected)
        self.check_order(expected)
        self.check_others(expected)

    def check_others(self, expected):
        """Dead letters and final error events: one for each failed execution, none for others."""
        failed = {name for name, (status, *_) in expected.items() if status == "FAILED"}
        finals = collections.Counter(record.value["executionId"]
                                     for record in read(self.topics, "errors")
                                     if record.value["final"])
        self.assertEqual(set(finals), failed)
        self.assertEqual([name for name, times in finals.items() if times != 1], [])
        dead = collections.Counter(record.value["executionId"] for record in read(self.topics, "dead"))
        self.assertEqual(dead, collections.Counter(failed))

    def test_what_was_finished_beyond_a_running_job_is_not_run_again(self):
        slow = request("slow", "n", "slow", code="sleep 6")
        others = [request("quick%d" % i, "n", "q%02d" % i, code="echo $CODE_EXECUTION_ID")
                  for i in range(40)]
        topics = cli.Topics()
        topics.create(1)
        publish(topics, [slow] + others)
        with Worker(topics, settings=["worker.id=one"]) as worker:
            wait_results(topics, len(others), worker=worker)
            worker.kill()
            worker.start().wait_log("partitions assigned")
            begin = time.monotonic()
            found = wait_results(topics, len(others) + 1, worker=worker)
            self.assertGreater(time.monotonic() - begin, 4, "the slow job was not run again")
            again = request("late", "n", "late")
            publish(topics, [again, again, others[3], slow])
            wait_results(topics, len(others) + 2, worker=worker)
            self.assertEqual(worker.end(), 0)
        found = results(topics)
        self.assertEqual({name: len(records) for name, records in found.items()},
                         dict.fromkeys(["slow", "late"] + ["q%02d" % i for i in range(40)], 1))

    def test_a_worker_without_an_id_is_replaced_by_the_other_of_its_group(self):
        requests, expected = mixed(300, 7)
        settings = ["kafka.session.timeout.ms=6000", "kafka.heartbeat.interval.ms=500"]
        with Worker(self.topics, "pair" + self.topics.name("state"), settings) as first, \
                Worker(self.topics, "pair" + self.topics.name("state"), settings) as second:
            first.wait_log("partitions assigned")
            second.wait_log("partitions assigned")
            publish(self.topics, requests)
            wait_results(self.topics, 60)
            first.kill()
            wait_results(self.topics, 300, seconds=90, worker=second)
            self.assertEqual(second.end(), 0)
        self.check(expected)

    def test_a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing(self):
        requests, expected = mixed(600, 11)
        with Worker(self.topics) as worker:
            worker.wait_log("partitions assigned")
            publish(self.topics, requests)
            start = self.written()
            cli.wait_until(lambda: self.written() > start + 50, 60, "nothing was written")
            BROKER.kill()
            time.sleep(1)
            BROKER.start()
            wait_results(self.topics, 600, seconds=150, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.check(expected)
        self.check_order(expected)

    def test_a_worker_that_was_stopped_too_long_publishes_nothing_of_what_others_took(self):
        group = "z" + self.topics.name("state")
        settings = ["kafka.session.timeout.ms=6000", "kafka.heartbeat.interval.ms=500"]
        requests = [request("t%d" % (i % 20), "n", "z%03d" % i, code="sleep 0.05")
                    for i in range(200)]
        with Worker(self.topics, group, settings) as first, \
                Worker(self.topics, group, settings) as second:
            first.wait_log("partitions assigned")
            second.wait_log("partitions assigned")
            publish(self.topics, requests)
            wait_results(self.topics, 20)
            first.process.send_signal(signal.SIGSTOP)
            wait_results(self.topics, 200, seconds=90, worker=second)
            first.process.send_signal(signal.SIGCONT)
            publish(self.topics, [request("t%d" % i, "n", "y%03d" % i) for i in range(60)])
            found = wait_results(self.topics, 260, seconds=60, worker=second)
            self.assertEqual(second.end(), 0)
            self.assertEqual(first.end(), 0)
        self.assertEqual([name for name, records in results(self.topics).items()
                          if len(records) != 1], [])
        self.assertEqual(len(found), 260)

    def check_end_without(self, outage, recover):
        """SIGTERM while no broker answers: the worker ends all the same, and loses and doubles nothing."""
        requests = [request("t%d" % i, "n", "o%03d" % i, code="sleep 0.3") for i in range(60)]
        with Worker(self.topics, settings=["worker.id=one", "worker.shutdown_grace=3s"]) as worker:
            worker.wait_log("partitions assigned")
            publish(self.topics, requests)
            wait_results(self.topics, 4, worker=worker)
            outage()
            try:
                time.sleep(1.5)
                begin = time.monotonic()
                self.assertEqual(worker.end(60), 0)
                self.assertLess(time.monotonic() - begin, 3 + 20)
            finally:
                recover()
            worker.start()
            wait_results(self.topics, 60, seconds=60, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual({len(records) for records in results(self.topics).values()}, {1})

    def test_it_ends_in_time_while_its_broker_is_stopped(self):
        self.check_end_without(lambda: BROKER.signal(signal.SIGSTOP),
                               lambda: BROKER.signal(signal.SIGCONT))

    def test_it_ends_in_time_while_its_broker_is_dead(self):
        self.check_end_without(BROKER.kill, BROKER.start)


if __name__ == "__main__":
    cli.main()
