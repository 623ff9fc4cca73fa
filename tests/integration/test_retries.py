#!/usr/bin/python3
"""Attempts that follow, and jobs that take their worker down, on a real broker."""

import os
import random
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import (Worker, committed, end_offset, publish, read, request, results,
                              wait_results)


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


def wall_ms():
    return time.time() * 1000


class Retries(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(1)

    def wait_retries(self, count):
        cli.wait_until(lambda: len(read(self.topics, "retries")) >= count, 30, "no retry was written")
        return read(self.topics, "retries")

    def test_the_record_is_the_request_byte_for_byte_with_our_headers_behind_its_own(self):
        text = '{ "threadId":"t", "nodeId":"n","executionId":"x" ,"scriptType":"shell","code":"exit 3",' \
               '"retries":1,"retryDelayMs":60000}'
        publish(self.topics, [("a key", text)], headers=[("own", "1"), ("codeworker-attempt", "9")])
        with Worker(self.topics, "waits" + self.topics.name("state")) as worker:
            record, = self.wait_retries(1)
            self.assertEqual((record.text, record.key), (text, "a key"))
            self.assertEqual(record.header_list[:2], [("own", "1"), ("codeworker-attempt", "9")])
            names = [name for name, _ in record.header_list[2:]]
            self.assertEqual(names, ["codeworker-attempt", "codeworker-due-ms", "codeworker-origin",
                                     "codeworker-origin-time-ms", "codeworker-error"])
            values = [value for _, value in record.header_list[2:]]
            self.assertEqual(values[0], "2")
            self.assertAlmostEqual(int(values[1]), wall_ms() + 60000, delta=15000)
            self.assertEqual(values[2], self.topics.name("requests") + "/0/0")
            event, = read(self.topics, "errors")
            self.assertEqual(int(values[1]), event.value["nextAttemptAt"])
            # A waiting retry holds nothing up: its request is done.
            cli.wait_until(lambda: committed(worker.group, self.topics.name("requests"), 0) >= 1, 20,
                           "the request's offset was not committed")
            self.assertEqual(worker.end(), 0)
        self.assertEqual(results(self.topics), {})

    def test_number_and_due_time_survive_a_crash(self):
        publish(self.topics, [request("t", "n", "x", code="exit $CODE_ATTEMPT", retries=2,
                                      retryDelayMs=4000)])
        with Worker(self.topics, settings=["worker.id=one"]) as worker:
            first, = self.wait_retries(1)
            worker.kill()
            worker.start()
            second = self.wait_retries(2)[1]
            worker.kill()
            worker.start()
            result = wait_results(self.topics, 1, worker=worker)["x"][0]
            self.assertEqual(worker.end(), 0)
        due = [int(one.headers["codeworker-due-ms"]) for one in (first, second)]
        self.assertGreaterEqual(due[1] - due[0], 4000)
        self.assertGreaterEqual(result.value["timestamp"], due[1])
        self.assertEqual((result.value["attempt"], result.value["exitCode"]), (3, 3))
        self.assertEqual(result.value["source"], {"topic": self.topics.name("requests"),
                                                  "partition": 0, "offset": 0})
        events = [(one.value["attempt"], one.value["final"]) for one in read(self.topics, "errors")]
        self.assertEqual(events, [(1, False), (2, False), (3, True)])
        dead, = read(self.topics, "dead")
        self.assertEqual([name for name, _ in dead.header_list if name.startswith("codeworker-")], [])
        self.assertEqual(dead.headers["__dlq.errors.delivery.count"], "3")
        self.assertEqual(dead.headers["__dlq.errors.topic"], self.topics.name("requests"))

    def test_an_idle_worker_begins_a_retry_within_a_second(self):
        publish(self.topics, [request("t%d" % i, "n", "x%d" % i, code="test $CODE_ATTEMPT = 2",
                                      retries=1, retryDelayMs=delay)
                              for i, delay in enumerate((0, 100, 1000, 3000))])
        with Worker(self.topics, settings=["worker.slots=4"]) as worker:
            found = wait_results(self.topics, 4, worker=worker)
            self.assertEqual(worker.end(), 0)
        due = {r.value["executionId"]: int(r.headers["codeworker-due-ms"])
               for r in read(self.topics, "retries")}
        for name, (record,) in found.items():
            self.assertEqual((record.value["status"], record.value["attempt"]), ("COMPLETED", 2))
            begun = record.value["timestamp"] - record.value["executionTime"]
            self.assertGreaterEqual(record.value["timestamp"], due[name], name)
            self.assertLess(begun, due[name] + 1000, name)

    def test_many_that_wait_come_in_the_order_of_their_times_with_their_bodies_fetched_again(self):
        count = 60
        delays_ms = list(range(11000, 11000 + 200 * count, 200))
        random.Random(count).shuffle(delays_ms)
        publish(self.topics, [request("t%d" % i, "n", "x%02d" % i, code="test $CODE_ATTEMPT = 2",
                                      retries=1, retryDelayMs=delay_ms)
                              for i, delay_ms in enumerate(delays_ms)])
        # One slot: what runs side by side may end in another order than it began.
        with Worker(self.topics, settings=["worker.id=one", "worker.slots=1"]) as worker:
            self.wait_retries(count)
            time.sleep(1)
            worker.kill()
            worker.start()
            wait_results(self.topics, count, worker=worker)
            # Idle, it shows no lag in either topic.
            for role in ("requests", "retries"):
                cli.wait_until(lambda r=role: committed(worker.group, self.topics.name(r), 0) ==
                               end_offset(self.topics.name(r), 0), 20, "lag in " + role)
            self.assertEqual(worker.end(), 0)
        found = results(self.topics)
        self.assertEqual({len(records) for records in found.values()}, {1})
        due = {r.value["executionId"]: int(r.headers["codeworker-due-ms"])
               for r in read(self.topics, "retries")}
        order = [r.value["executionId"] for r in read(self.topics, "results")]
        late = [name for name, (record,) in found.items()
                if record.value["timestamp"] < due[name] or record.value["timestamp"] > due[name] + 3000]
        self.assertEqual(late, [])
        self.assertEqual(order, sorted(due, key=due.get))

    def test_a_copy_of_what_waits_runs_nothing_over_a_crash_too(self):
        one = request("t", "n", "x", code="exit 1", retries=1, retryDelayMs=9000)
        publish(self.topics, [one])
        with Worker(self.topics, settings=["worker.id=one"]) as worker:
            self.wait_retries(1)
            worker.kill()
            publish(self.topics, [one, request("u", "n", "last")])
            worker.start()
            wait_results(self.topics, 1, worker=worker)
            self.assertEqual(len(read(self.topics, "errors")), 1)
            found = wait_results(self.topics, 2, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual(found["x"][0].value["attempt"], 2)
        self.assertEqual([len(found[name]) for name in ("x", "last")], [1, 1])


class Topic(unittest.TestCase):
    """What is done to code.retries while a worker runs."""

    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(1)
        self.topic = self.topics.name("retries")

    def second_try(self, *names):
        publish(self.topics, [request("t" + name, "n", name, code='test "$CODE_ATTEMPT" = 2', retries=1,
                                      retryDelayMs=1) for name in names])

    def test_one_that_was_made_anew_is_taken_up(self):
        with Worker(self.topics) as worker:
            self.second_try("a", "b", "c")
            wait_results(self.topics, 3, worker=worker)
            cli._broker.topic_remove(self.topic)
            cli.wait_until(lambda: self.topics.partitions("retries") == 0, 20, "the topic stays")
            self.topics.create(1)
            self.second_try("d")
            self.assertEqual(wait_results(self.topics, 4, worker=worker)["d"][0].value["attempt"], 2)
            self.assertEqual(worker.end(), 0)

    def test_partitions_that_it_lacks_are_told_and_taken_when_they_are_there(self):
        with Worker(self.topics, settings=["kafka.topic.metadata.refresh.interval.ms=2000"]) as worker:
            worker.wait_log("partitions assigned")
            for role in ("state", "requests"):
                cli._broker.partitions_set(self.topics.name(role), 2)
            worker.wait_log('"partitions assigned","count":2')
            self.second_try(*("x%d" % i for i in range(8)))
            worker.wait_log('"producing","topic":"%s","partition":1' % self.topic)
            cli._broker.partitions_set(self.topic, 2)
            wait_results(self.topics, 8, worker=worker)
            self.assertEqual(worker.end(), 0)


class Lost(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(1)

    def marks(self, kind):
        return [r for r in read(self.topics, "state") if r.value["type"] == kind]

    def run_until_started(self, worker, executions):
        """Starts the worker and kills it when so many jobs have been begun in all."""
        worker.start()
        cli.wait_until(lambda: len(self.marks("started")) >= executions, 40, "nothing was started")
        time.sleep(0.3)
        worker.kill()

    def test_a_job_that_takes_its_worker_down_ends_and_its_neighbour_does_not(self):
        publish(self.topics, [request("bad", "n", "bad", code="sleep 20", retries=3),
                              request("good", "n", "good", code="sleep 2")])
        worker = Worker(self.topics, settings=["worker.id=one"])
        with worker:
            cli.wait_until(lambda: len(self.marks("started")) >= 2, 40, "nothing was started")
            time.sleep(0.3)
            worker.kill()
            # Both are suspects now, and run one at a time: the second death is of one of them alone.
            worker.start()
            cli.wait_until(lambda: len(self.marks("started")) >= 3, 40, "nothing was started again")
            time.sleep(1)
            self.assertEqual(len(self.marks("started")), 3)
            worker.kill()
            worker.start()
            cli.wait_until(lambda: "good" in results(self.topics) or
                           len(self.marks("started")) >= 4, 40, "nothing went on")
            worker.kill()
            worker.start()
            found = wait_results(self.topics, 2, seconds=60, worker=worker)
            self.assertEqual(worker.end(), 0)
        bad, good = found["bad"][0].value, found["good"][0].value
        self.assertEqual(good["status"], "COMPLETED")
        self.assertEqual((bad["status"], bad["error"]["code"], bad["error"]["type"]),
                         ("FAILED", "execution.lost", "CodeExecutionError"))
        self.assertIsNone(bad["sandbox"])
        self.assertEqual([r.value["executionId"] for r in read(self.topics, "dead")], ["bad"])

    def test_a_hand_back_costs_nothing(self):
        publish(self.topics, [request("t", "n", "x", code="sleep 3")])
        settings = ["worker.id=one", "worker.crash_limit=1", "worker.shutdown_grace=0"]
        with Worker(self.topics, settings=settings) as worker:
            for times in (1, 2):
                cli.wait_until(lambda t=times: len(self.marks("started")) >= t, 30, "not started")
                self.assertEqual(worker.end(), 0)
                self.assertEqual(len(self.marks("handed-back")), times)
                worker.start()
            found = wait_results(self.topics, 1, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual(found["x"][0].value["status"], "COMPLETED")


if __name__ == "__main__":
    cli.main()
