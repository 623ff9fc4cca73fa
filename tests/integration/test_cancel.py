#!/usr/bin/python3
"""Cancels on a real broker: who is hit, how soon, and that it holds over restarts and rebalances."""

import json
import os
import statistics
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
import kafka_harness
from delivery_support import Worker, committed, publish, read, request, results, wait_results

PARTITIONS = 4
CANCEL_ROUNDS = 9
MANY = 20000


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


def processes(words):
    """Ids of the processes whose command line is exactly this."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % entry) as file:
                if file.read().split("\0")[:-1] == words:
                    found.append(int(entry))
        except OSError:
            continue
    return found


def http_get(port, path):
    with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=5) as answer:
        return answer.read().decode()


def is_gone(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


class Sleep:
    """A job that runs until it is killed, and can be found among the host's processes."""

    count = 0

    def __init__(self):
        Sleep.count += 1
        self.words = ["sleep", "3%d%04d" % (os.getpid(), Sleep.count)]
        self.code = "exec " + " ".join(self.words)

    def pids(self):
        return processes(self.words)

    def wait_running(self, count=1):
        cli.wait_until(lambda: len(self.pids()) == count, 30, "the job does not run")
        return self.pids()


class Cancel(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(PARTITIONS)

    def worker(self, *settings, **more):
        return Worker(self.topics, settings=["policy.max_timeout=12h", *settings], **more)

    def cancel(self, *options):
        ran = self.topics.run("cancel", *options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def control(self, text, partition=0):
        kafka_harness.produce(cli.broker_address(), self.topics.name("control"),
                              None if text is None else text.encode(), key=b"k", partition=partition)

    def publish(self, *requests):
        publish(self.topics, [dict(one, timeoutMs=3600000) for one in requests])

    def check(self, worker, seconds=30, **expected):
        """That these and no others have one result each, of the status given; returns them."""
        found = wait_results(self.topics, len(expected), seconds, worker)
        self.assertEqual({name: [record.value["status"] for record in records]
                          for name, records in found.items()},
                         {name: [status] for name, status in expected.items()})
        for name, records in found.items():
            if expected[name] == "CANCELLED":
                error = records[0].value["error"]
                self.assertEqual((error["type"], error["code"]), ("CancelledError", "cancelled"))
                self.assertFalse(records[0].value["success"])
                self.assertEqual(records[0].headers["ce_type"], "codeworker.execution.cancelled")
        return {name: records[0].value for name, records in found.items()}

    def assert_told_by_results_alone(self):
        self.assertEqual((read(self.topics, "errors"), read(self.topics, "dead")), ([], []))

    def test_a_running_job_is_gone_at_once(self):
        took_ms, expected = [], {}
        with self.worker() as worker:
            for number in range(CANCEL_ROUNDS):
                job, name = Sleep(), "x%d" % number
                self.publish(request("t", "n", name, code="echo begun; " + job.code, retries=3))
                pid = job.wait_running()[0]
                writing = subprocess.Popen(
                    ["kcat", "-b", cli.broker_address(), "-P", "-t", self.topics.name("control")],
                    stdin=subprocess.PIPE)
                writing.stdin.write(b'{"action":"cancel","threadId":"t"}')
                writing.stdin.close()
                end = time.monotonic() + 20
                while not is_gone(pid) and time.monotonic() < end:
                    time.sleep(0.0005)
                gone_ms = time.time() * 1000
                writing.wait()
                taken_ms = kafka_harness.read(cli.broker_address(),
                                              self.topics.name("control"))[-1].timestamp_ms
                took_ms.append(gone_ms - taken_ms)
                expected[name] = "CANCELLED"
            found = self.check(worker, **expected)
        print("from the control record to the process gone: %.0f ms (median of %d; %.0f to %.0f)" % (
            statistics.median(took_ms), len(took_ms), min(took_ms), max(took_ms)))
        self.assertLess(statistics.median(took_ms), 100)
        self.assertEqual(found["x0"]["stdout"], "begun\n")
        self.assertEqual(found["x0"]["attempt"], 1)
        self.assertIsNotNone(found["x0"]["usage"])
        self.assert_told_by_results_alone()

    def test_what_waits_is_never_started_and_what_comes_later_runs(self):
        first, second, third = Sleep(), Sleep(), Sleep()
        port = kafka_harness.free_ports(1)[0]
        with self.worker("http.listen=127.0.0.1:%d" % port) as worker:
            self.publish(request("a", "n", "a", code=first.code), request("t", "n", "t1", code=second.code))
            first.wait_running(), second.wait_running()
            self.publish(request("t", "n", "key-blocked", code=third.code),
                         request("t", "m", "queued", code=third.code),
                         request("u", "n", "other", code="echo other"))
            cli.wait_until(lambda: json.loads(http_get(port, "/status"))["queued"] == 3, 20,
                           "not all requests came")
            self.assertEqual(self.cancel("--thread", "t", "--node", "m"),
                             "cancel of thread t, node m, written to %s\n" % self.topics.name("control"))
            self.check(worker, queued="CANCELLED")
            self.cancel("--thread", "t")
            self.publish(request("t", "n", "later", code="echo later"))
            found = self.check(worker, t1="CANCELLED", **{"key-blocked": "CANCELLED"}, queued="CANCELLED",
                               other="COMPLETED", later="COMPLETED")
            self.assertEqual((first.wait_running(), third.pids()), (first.pids(), []))
            self.assertEqual(found["later"]["stdout"], "later\n")
            self.assertIsNone(found["key-blocked"]["usage"])
            self.cancel("--execution-id", "a")
            wait_results(self.topics, 6, worker=worker)
            self.assertEqual(first.pids(), [])
            self.assertEqual(worker.end(), 0)
        self.assert_told_by_results_alone()

    def test_a_waiting_retry_ends(self):
        with self.worker() as worker:
            self.publish(request("t", "n", "x", code="exit 3", retries=5, retryDelayMs=3600000))
            cli.wait_until(lambda: read(self.topics, "errors"), 30, "no attempt failed")
            self.cancel("--execution-id", "x")
            self.assertEqual(self.check(worker, x="CANCELLED")["x"]["attempt"], 1)
        self.assertEqual((len(read(self.topics, "errors")), read(self.topics, "dead")), (1, []))

    def test_a_waiting_retry_ends_over_a_death_of_its_worker(self):
        names = ("cancelled-before", "cancelled-meanwhile", "goes-on")
        with self.worker("worker.id=phoenix") as worker:
            self.publish(*(request(name, "n", name, code='echo $CODE_ATTEMPT; test "$CODE_ATTEMPT" = 2', retries=1,
                                   retryDelayMs=20000 if name == "goes-on" else 3600000) for name in names))
            cli.wait_until(lambda: len(read(self.topics, "retries")) == 3, 30, "three do not wait")
            # Written and perhaps not read: it holds all the same.
            self.cancel("--thread", names[0])
            worker.kill()
            self.cancel("--execution-id", names[1])
            worker.start()
            found = self.check(worker, **{names[0]: "CANCELLED", names[1]: "CANCELLED", names[2]: "COMPLETED"})
            self.assertEqual([found[name]["attempt"] for name in names], [1, 1, 2])
            self.assertEqual([found[name]["stdout"] for name in names], ["", "", "2\n"])
            worker.kill()
            worker.start()
            cli.wait_until(lambda: len(worker.events("partitions assigned")) == 3, 30, "it did not come back")
            self.assertEqual(worker.end(), 0)
        self.check(None, **{names[0]: "CANCELLED", names[1]: "CANCELLED", names[2]: "COMPLETED"})
        self.assertEqual((len(read(self.topics, "errors")), read(self.topics, "dead")), (3, []))

    def test_what_is_not_consumed_yet_is_cancelled_when_it_comes(self):
        job = Sleep()
        self.publish(request("t", "n", "before", code=job.code), request("u", "n", "other"))
        self.cancel("--thread", "t")
        self.publish(request("t", "n", "after"))
        with self.worker("worker.id=w") as worker:
            self.check(worker, before="CANCELLED", other="COMPLETED", after="COMPLETED")
            self.assertEqual(job.pids(), [])
            self.assertEqual(worker.end(), 0)
        self.assert_told_by_results_alone()

    def test_all_cancels_are_read_before_anything_runs(self):
        self.publish(request("t", "n", "x", code="echo begun"), request("u", "n", "y"))
        cli.kcat("-P", "-t", self.topics.name("control"), stdin="".join(
            '{"action":"cancel","threadId":"%s"}\n' % ("t" if n == MANY - 1 else "other%d" % n)
            for n in range(MANY)))
        with self.worker() as worker:
            found = self.check(worker, x="CANCELLED", y="COMPLETED")
            self.assertIsNone(found["x"]["usage"])
            worker.wait_log('"remembered":%d' % MANY)

    def test_a_cancel_while_no_worker_lives_holds_for_what_ran(self):
        job = Sleep()
        with self.worker("worker.id=phoenix") as worker:
            self.publish(request("t", "n", "x", code=job.code), request("t", "n", "y", code=job.code))
            job.wait_running()
            worker.kill()
            self.cancel("--execution-id", "x")
            cli.wait_until(lambda: not job.pids(), 10, "the job outlived its worker")
            worker.start()
            found = wait_results(self.topics, 1, worker=worker)
            self.assertEqual(found["x"][0].value["status"], "CANCELLED")
            job.wait_running()
            self.cancel("--thread", "t")
            self.check(worker, x="CANCELLED", y="CANCELLED")
            self.publish(request("t", "n", "x"), request("t", "n", "z"))
            worker.kill()
            worker.start()
            self.check(worker, x="CANCELLED", y="CANCELLED", z="COMPLETED")

    def test_an_execution_is_cancelled_before_it_is_submitted(self):
        with self.worker() as worker:
            worker.wait_log("partitions assigned")
            self.cancel("--execution-id", "x")
            worker.wait_log('"executionId":"x"')
            self.publish(request("t", "n", "x", code=Sleep().code), request("t", "n", "y"))
            self.check(worker, x="CANCELLED", y="COMPLETED")
        self.assert_told_by_results_alone()

    def test_cancels_amid_work_and_a_kill_leave_one_result_each(self):
        threads = ["t%d" % number for number in range(40)]
        before = ["%s/%d" % (thread, n) for n in range(8) for thread in threads]
        after = [thread + "/after" for thread in threads]
        with self.worker("worker.id=phoenix", "worker.slots=4") as worker:
            self.publish(*(request(name.split("/")[0], "n", name, code="sleep 0.1") for name in before))
            cli.wait_until(lambda: len(results(self.topics)) > 20, 30, "nothing was written")
            for number, thread in enumerate(threads[::2]):
                self.control('{"action":"cancel","threadId":"%s"}' % thread)
                if number == 9:
                    worker.kill()
                    worker.start()
            self.publish(*(request(name.split("/")[0], "n", name) for name in after))
            found = wait_results(self.topics, len(before) + len(after), 90, worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual({name: len(records) for name, records in results(self.topics).items()},
                         {name: 1 for name in before + after})
        status = {name: records[0].value["status"] for name, records in found.items()}
        hit = [name for name in before if name.split("/")[0] in threads[::2]]
        self.assertEqual({status[name] for name in set(before + after) - set(hit)}, {"COMPLETED"})
        self.assertEqual({status[name] for name in hit}, {"COMPLETED", "CANCELLED"})
        self.assert_told_by_results_alone()

    def test_of_two_workers_each_answers_its_own(self):
        job = Sleep()
        names = ["x%d" % number for number in range(8)]
        with self.worker("worker.slots=8") as one, \
                self.worker("worker.slots=8", group=one.group) as two:
            one.wait_log('"partitions assigned","count":2')
            two.wait_log('"partitions assigned","count":2')
            self.publish(*(request("t", "n%d" % n, names[n], code=job.code) for n in range(8)))
            job.wait_running(8)
            self.cancel("--thread", "t")
            self.check(one, **{name: "CANCELLED" for name in names})
            hits = [json.loads(line)["running"] for worker in (one, two)
                    for line in worker.text().splitlines() if '"cancel"' in line]
            self.assertEqual((len(hits), sum(hits), min(hits) > 0), (2, 8, True), hits)
            self.assertEqual((one.end(), two.end()), (0, 0))
            self.assertEqual(job.pids(), [])
        self.check(None, **{name: "CANCELLED" for name in names})
        ends = {p: committed(one.group, self.topics.name("requests"), p) for p in range(PARTITIONS)}
        self.assertEqual(sum(end for end in ends.values() if end > 0), 8)

    def test_a_cancel_counts_while_the_worker_drains(self):
        job = Sleep()
        with self.worker("worker.shutdown_grace=30s") as worker:
            self.publish(request("t", "n", "x", code=job.code))
            job.wait_running()
            worker.process.terminate()
            worker.wait_log("draining")
            began = time.monotonic()
            self.cancel("--thread", "t")
            self.assertEqual(worker.process.wait(20), 0)
            self.assertLess(time.monotonic() - began, 15)
            self.check(worker, x="CANCELLED")

    def test_malformed_control_records_are_counted_and_stop_nothing(self):
        job, port = Sleep(), kafka_harness.free_ports(1)[0]
        with self.worker("http.listen=127.0.0.1:%d" % port) as worker:
            self.publish(request("t", "n", "x", code=job.code))
            job.wait_running()
            wrong = (None, "{", '{"action":"cancel"}', '{"action":"resume","threadId":"t"}',
                     '{"action":"cancel","threadId":["t"]}', "\x00\x00\x00\x00\x01")
            for text in wrong:
                self.control(text)
            worker.wait_log('"offset":%d' % (len(wrong) - 1))
            self.assertEqual((len(job.pids()), results(self.topics)), (1, {}))
            self.cancel("--thread", "t", "--node", "n")
            self.check(worker, x="CANCELLED")
            metrics = http_get(port, "/metrics").splitlines()
            for line in ("codeworker_controls_total 7", "codeworker_controls_malformed_total 6",
                         'codeworker_results_total{status="CANCELLED"} 1'):
                self.assertIn(line, metrics)

    def test_partitions_that_are_added_are_read(self):
        job = Sleep()
        with self.worker() as worker:
            self.publish(request("t", "n", "x", code=job.code))
            job.wait_running()
            cli._broker.partitions_set(self.topics.name("control"), 3)
            self.control('{"action":"cancel","threadId":"t"}', partition=2)
            self.check(worker, x="CANCELLED")

    def test_without_the_topic_no_worker_starts(self):
        self.topics.names["control"] += ".later"
        with self.worker() as worker:
            self.assertEqual(worker.process.wait(60), 2)
            self.assertIn(self.topics.names["control"] + " is missing", worker.text())

    def test_a_topic_that_was_made_anew_is_read_from_its_beginning(self):
        first, second = Sleep(), Sleep()
        with self.worker() as worker:
            self.publish(request("t", "n", "x", code=first.code), request("u", "n", "y", code=second.code))
            first.wait_running(), second.wait_running()
            self.control("{}")
            self.cancel("--thread", "t")
            self.check(worker, x="CANCELLED")
            cli._broker.topic_remove(self.topics.name("control"))
            worker.wait_log("cancels can't be read").wait_log("topics create")
            self.topics.create(PARTITIONS)
            cli.kcat("-P", "-t", self.topics.name("control"),
                     stdin='{"action":"cancel","threadId":"u"}\n' + 5 * "{}\n")
            self.check(worker, x="CANCELLED", y="CANCELLED")

    def test_cancels_go_on_after_the_broker_was_away(self):
        job = Sleep()
        with self.worker("kafka.session.timeout.ms=45000") as worker:
            self.publish(request("t", "n", "x", code=job.code))
            job.wait_running()
            cli._broker.stop()
            cli._broker.start()
            self.cancel("--thread", "t")
            self.check(worker, seconds=60, x="CANCELLED")
            self.assertEqual(job.pids(), [])


if __name__ == "__main__":
    cli.main()
