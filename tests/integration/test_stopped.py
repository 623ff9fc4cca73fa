#!/usr/bin/env python3
"""A worker that is stopped, alone or with all that belongs to it: its jobs are dead before another worker
starts them, and when it goes on it doubles nothing and works on.
"""

import contextlib
import os
import signal
import time
import unittest

import cli_support as cli
from delivery_support import Worker, publish, request, results, wait_results

SETTINGS = ["kafka.session.timeout.ms=6000", "kafka.heartbeat.interval.ms=500"]
SECONDS = 9


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


def command(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read()
    except OSError:
        return b""


def jobs_of(worker):
    return [pid for pid in cli.descendants(worker.process.pid)
            if command(pid) == b"sleep\0%d\0" % SECONDS and cli.is_alive(pid)]


def go_on(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Stopped(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(1)

    def pair(self):
        group = "s" + self.topics.name("state")
        return [self.enterContext(Worker(self.topics, group, SETTINGS)) for _ in range(2)]

    def owner_first(self, workers):
        """The one that runs the job, then the other."""
        cli.wait_until(lambda: any(jobs_of(one) for one in workers), 30, "the job does not run")
        return sorted(workers, key=lambda one: not jobs_of(one))

    def check_follows(self, first, second):
        """The second begins when the first's job is gone; returns how long that was gone by then."""
        gone = None
        end = time.monotonic() + 40
        while time.monotonic() < end:
            ours, others = jobs_of(first), jobs_of(second)
            self.assertFalse(ours and others, "both run it")
            if not ours and gone is None:
                gone = time.monotonic()
            if others:
                return time.monotonic() - gone
            time.sleep(0.02)
        self.fail("nobody took it over:\n" + second.text())

    def check_goes_on(self, first, second, group):
        go_on(group)
        wait_results(self.topics, 1, seconds=60, worker=second)
        first.wait_log("in touch with the group again")
        self.assertEqual(second.end(), 0)
        publish(self.topics, [request("later", "n", "later%d" % i) for i in range(3)])
        wait_results(self.topics, 4, seconds=60, worker=first)
        self.assertEqual(first.end(), 0)
        found = results(self.topics)
        self.assertEqual({name: len(records) for name, records in found.items()},
                         dict.fromkeys(["long", "later0", "later1", "later2"], 1))
        self.assertEqual(found["long"][0].value["attempt"], 1)
        self.assertEqual(found["long"][0].value["stdout"], "done\n")

    def begin(self):
        workers = self.pair()
        for worker in workers:
            worker.wait_log("partitions assigned")
        publish(self.topics, [request("t", "n", "long", code="sleep %d; echo done" % SECONDS)])
        return self.owner_first(workers)

    def test_its_job_is_dead_before_another_worker_starts_it(self):
        first, second = self.begin()
        os.kill(first.process.pid, signal.SIGSTOP)
        self.assertGreater(self.check_follows(first, second), 1)
        self.check_goes_on(first, second, [first.process.pid])

    def test_one_that_goes_on_in_time_runs_its_job_again_uncounted(self):
        first, _ = self.begin()
        os.kill(first.process.pid, signal.SIGSTOP)
        cli.wait_until(lambda: not jobs_of(first), 4.5, "its job was not ended within half a session")
        go_on([first.process.pid])
        found = wait_results(self.topics, 1, seconds=60, worker=first)
        self.assertEqual([record.value["attempt"] for record in found["long"]], [1])
        self.assertEqual(first.text().count("partitions lost"), 0)

    def test_its_job_is_dead_as_soon_as_all_that_was_stopped_goes_on(self):
        """As of a machine that froze: nothing could be ended in time, and the group took the partition."""
        first, second = self.begin()
        all_of_it = [first.process.pid] + cli.descendants(first.process.pid)
        for pid in all_of_it:
            os.kill(pid, signal.SIGSTOP)
        cli.wait_until(lambda: jobs_of(second), 40, "nobody took it over")
        self.assertTrue(jobs_of(first), "it was not stopped")
        go_on(all_of_it)
        cli.wait_until(lambda: not jobs_of(first), 3, "it runs on beside the new owner's")
        self.check_goes_on(first, second, [])


class CutOff(unittest.TestCase):
    """The worker lives and hears nothing of its group, since the broker is stopped."""

    def test_its_job_is_dead_within_half_a_session_and_runs_again_uncounted(self):
        topics, broker = cli.Topics(), cli.broker()
        topics.create(1)
        with Worker(topics, settings=SETTINGS) as worker:
            publish(topics, [request("t", "n", "long", code="sleep %d; echo done" % SECONDS)])
            cli.wait_until(lambda: jobs_of(worker), 30, "the job does not run")
            broker.signal(signal.SIGSTOP)
            try:
                self.assertTrue(jobs_of(worker))
                cli.wait_until(lambda: not jobs_of(worker), 5, "its job was not ended before the session was over")
                worker.wait_log("the group's coordinator does not answer; jobs are ended")
            finally:
                broker.signal(signal.SIGCONT)
            cli.wait_until(lambda: jobs_of(worker), 40, "the job does not run again")
            found = wait_results(topics, 1, seconds=60, worker=worker)
            worker.wait_log("in touch with the group again")
            publish(topics, [request("t", "n", "later")])
            wait_results(topics, 2, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual({name: len(records) for name, records in results(topics).items()},
                         {"long": 1, "later": 1})
        self.assertEqual((found["long"][0].value["attempt"], found["long"][0].value["stdout"]), (1, "done\n"))


if __name__ == "__main__":
    cli.main()
