#!/usr/bin/python3
"""The worker on a real broker: what goes in, what comes out, where it is committed."""

import json
import os
import re
import signal
import socket
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
import kafka_harness
from delivery_support import (Worker, committed, end_offset, publish, read, request, results,
                              wait_results)


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


# What ends as which error: fields of the request, expected details or None.
FAILURES = {
    "code.security": {"risk": "medium", "code": "rm -rf /"},
    "code.unsupported": {"scriptType": "powershell", "code": "1"},
    "script.not_found": {"scriptName": "nothing-of-this-name", "code": None},
    "execution.exit": {"code": "echo why >&2; exit 7"},
    "execution.signal": {"code": "kill -SEGV $$"},
    "execution.output": {"code": "echo '{not json' > $CODE_OUTPUT"},
    "timeout": {"code": "sleep 20", "timeoutMs": 300},
    "limit.cpu": {"code": "while :; do :; done", "limits": {"cpuMs": 200}},
    "limit.memory": {"scriptType": "python", "code": "x = bytearray(200 << 20)",
                     "limits": {"memoryBytes": 48 << 20}},
    "limit.disk": {"code": "head -c 4000000 /dev/zero > file", "limits": {"diskBytes": 1 << 20}},
    "limit.processes": {"code": "sleep 5 & sleep 5 & sleep 5 & sleep 5 & sleep 5 & wait || exit 1",
                        "limits": {"processes": 3}},
    "limit.output": {"code": "(printf '\"'; head -c 9000 /dev/zero | tr '\\0' a; printf '\"') > $CODE_OUTPUT",
                     "limits": {"outputBytes": 4096}},
    "sandbox.violation": {"scriptType": "python",
                          "code": "import ctypes\nctypes.CDLL(None).syscall(321, 0, 0, 0)"},
}


class Answers(unittest.TestCase):
    """One worker for all of them."""

    @classmethod
    def setUpClass(cls):
        cls.topics = cli.Topics()
        cls.topics.create(4)
        cls.worker = Worker(cls.topics).start()
        cls.worker.wait_log("partitions assigned")

    @classmethod
    def tearDownClass(cls):
        code = cls.worker.end()
        text = cls.worker.text()
        cls.worker.log.close()
        assert code == 0, text

    def wait_for(self, *executions, seconds=30):
        end = time.monotonic() + seconds
        while True:
            found = results(self.topics)
            if all(execution in found for execution in executions):
                return [found[execution][0] for execution in executions]
            self.assertIsNone(self.worker.process.poll(), self.worker.text())
            self.assertLess(time.monotonic(), end, "no result of %s\n%s" %
                            ([e for e in executions if e not in found], self.worker.text()))
            time.sleep(0.1)

    def errors_of(self, execution):
        return [record for record in read(self.topics, "errors")
                if record.value["executionId"] == execution]

    def dead_of(self, execution):
        return [record for record in read(self.topics, "dead")
                if '"%s"' % execution in record.text]

    def test_every_failure_has_its_code_one_event_and_a_dead_letter(self):
        made = [request("failures", code, "fail-" + code, **fields)
                for code, fields in FAILURES.items()]
        publish(self.topics, made)
        self.wait_for(*("fail-" + code for code in FAILURES))
        found = results(self.topics)
        errors, dead = read(self.topics, "errors"), read(self.topics, "dead")
        for code in FAILURES:
            with self.subTest(code=code):
                execution = "fail-" + code
                result = found[execution][0].value
                self.assertEqual(len(found[execution]), 1)
                self.assertEqual(result["error"]["code"], code, result)
                self.assertEqual((result["status"], result["success"]), ("FAILED", False))
                self.assertIsNone(result["output"])
                events = [e.value for e in errors if e.value["executionId"] == execution]
                self.assertEqual([(e["final"], e["attempt"], e["maxAttempts"], e["error"]["code"])
                                  for e in events], [(True, 1, 1, code)])
                self.assertIsNone(events[0]["nextAttemptAt"])
                self.assertEqual(sum('"%s"' % execution in d.text for d in dead), 1)
        self.assertEqual(found["fail-sandbox.violation"][0].value["error"]["details"]["syscall"],
                         "bpf")
        self.assertEqual(self.errors_of("fail-execution.exit")[0].value["stderrTail"], "why\n")

    def test_a_kill_from_outside_is_unexpected(self):
        publish(self.topics, [request("killed", "n", "killed", code="exec sleep 987654")])
        target = []

        def running():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/%s/cmdline" % pid, "rb") as line:
                        if line.read() == b"sleep\x00987654\x00":
                            target.append(int(pid))
                except OSError:
                    continue
            return target

        cli.wait_until(running, 20, "the job never started")
        with open("/proc/%d/status" % target[0]) as status:
            init = next(int(line.split()[1]) for line in status if line.startswith("PPid:"))
        os.kill(init, signal.SIGKILL)
        record, = self.wait_for("killed")
        self.assertEqual(record.value["error"]["code"], "unexpected")
        self.assertEqual(record.value["signal"], "SIGKILL")

    def test_a_deadline_that_has_passed_is_skipped_without_an_event(self):
        publish(self.topics, [request("late", "n", "late", deadline=1000)])
        record, = self.wait_for("late")
        self.assertEqual((record.value["status"], record.value["error"]["code"]),
                         ("SKIPPED", "expired"))
        self.assertIsNone(record.value["usage"])
        self.assertEqual(record.headers["ce_type"], "codeworker.execution.skipped")
        self.assertEqual((self.errors_of("late"), self.dead_of("late")), ([], []))

    def test_headers_and_key_are_the_contracts(self):
        publish(self.topics, [request("hé", "n:1", "heads", code="exit 1")],
                [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                 ("tracestate", "a=b,c=d"), ("other", "stays away")])
        record, = self.wait_for("heads")
        source = record.value["source"]
        self.assertEqual(record.key, "hé:n:1")
        self.assertEqual(record.headers, {
            "threadId": "hé", "nodeId": "n:1", "executionId": "heads", "attempt": "1",
            "codeworker-origin": "%s/%d/%d" % (source["topic"], source["partition"],
                                               source["offset"]),
            "content-type": "application/json",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": "a=b,c=d", "ce_specversion": "1.0",
            "ce_source": record.headers["ce_source"], "ce_time": record.headers["ce_time"],
            "ce_id": "heads/result", "ce_type": "codeworker.execution.failed"})
        self.assertRegex(record.headers["ce_time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        event, = self.errors_of("heads")
        self.assertEqual((event.key, event.headers["ce_id"], event.headers["ce_type"]),
                         ("hé:n:1", "heads/1/error", "codeworker.execution.error"))
        self.assertEqual(event.headers["tracestate"], "a=b,c=d")

    def test_results_are_partitioned_by_key_as_java_does(self):
        publish(self.topics, [request("part", "n%d" % i, "part%d" % i) for i in range(12)])
        self.wait_for(*("part%d" % i for i in range(12)))
        requests = {r.key: r.partition for r in read(self.topics, "requests")}
        for record in read(self.topics, "results"):
            if record.key.startswith("part:"):
                self.assertEqual(record.partition, requests[record.key])

    def test_a_dead_letter_is_the_request_and_its_headers_in_order_then_ours(self):
        text = '  {"threadId": "d", "nodeId":"n","executionId":"letter","scriptType":"shell",' \
               '"code":"exit 1","unknown":  1.50}'
        publish(self.topics, [("any key", text)],
                [("b", "1"), ("a", "2"), ("b", "3"), ("__dlq.errors.topic", "forged")])
        record, = self.wait_for("letter")
        letter, = self.dead_of("letter")
        source = record.value["source"]
        self.assertEqual((letter.key, letter.text), ("any key", text))
        self.assertEqual(letter.header_list[:5], [
            ("b", "1"), ("a", "2"), ("b", "3"), ("__dlq.errors.topic", "forged"),
            ("__dlq.errors.topic", source["topic"])])
        self.assertEqual(dict(letter.header_list[5:]), {
            "__dlq.errors.partition": str(source["partition"]),
            "__dlq.errors.offset": str(source["offset"]),
            "__dlq.errors.group": self.worker.group, "__dlq.errors.delivery.count": "1",
            "__dlq.errors.message": "Script execution failed with exit code 1"})

    def test_what_cannot_be_read_is_told_and_kept(self):
        publish(self.topics, [("some key", "{broken"),
                              request("mal", "n", "mal1", retries=-1),
                              ("nobody", json.dumps({"nodeId": "n", "scriptType": "shell"}))])
        record, = self.wait_for("mal1")
        self.assertEqual((record.value["status"], record.value["error"]["code"],
                          record.value["error"]["field"]), ("FAILED", "request.malformed", "retries"))
        cli.wait_until(lambda: len([e for e in read(self.topics, "errors")
                                    if e.key in ("some key", "nobody")]) == 2, 20,
                       "the malformed messages were not told")
        events = {e.key: e.value for e in read(self.topics, "errors")
                  if e.value["error"]["code"] == "request.malformed"}
        self.assertEqual(events["nobody"]["error"]["field"], "threadId")
        self.assertEqual((events["nobody"]["threadId"], events["nobody"]["nodeId"]), (None, "n"))
        self.assertRegex(events["some key"]["executionId"],
                         r"^%s-\d+-\d+$" % self.topics.name("requests"))
        dead = {d.key: d.text for d in read(self.topics, "dead")}
        self.assertEqual(dead["some key"], "{broken")

    def test_retries_are_counted_told_and_no_earlier_than_asked(self):
        publish(self.topics, [request("again", "n", "again", code="exit $CODE_ATTEMPT", retries=2,
                                      retryDelayMs=700)])
        record, = self.wait_for("again")
        self.assertEqual((record.value["attempt"], record.value["exitCode"]), (3, 3))
        events = [e.value for e in self.errors_of("again")]
        self.assertEqual([(e["attempt"], e["maxAttempts"], e["final"]) for e in events],
                         [(1, 3, False), (2, 3, False), (3, 3, True)])
        for before, after in zip(events, events[1:]):
            waited = after["timestamp"] - before["timestamp"]
            self.assertGreaterEqual(before["nextAttemptAt"] - before["timestamp"], 690)
            self.assertGreaterEqual(waited, 700)
            self.assertLess(waited, 2000)
        self.assertEqual(len(self.dead_of("again")), 1)

    def test_an_attempt_that_succeeds_after_one_that_failed_is_completed(self):
        publish(self.topics, [request("second", "n", "second", retries=3, retryDelayMs=50,
                                      code="test $CODE_ATTEMPT = 2")])
        record, = self.wait_for("second")
        self.assertEqual((record.value["status"], record.value["attempt"]), ("COMPLETED", 2))
        self.assertEqual([e.value["final"] for e in self.errors_of("second")], [False])
        self.assertEqual(self.dead_of("second"), [])

    def test_a_deadline_between_attempts_fails_with_the_last_error(self):
        publish(self.topics, [request("between", "n", "between", code="exit 4", retries=5,
                                      retryDelayMs=1500,
                                      deadline=int(time.time() * 1000) + 1000)])
        record, = self.wait_for("between")
        self.assertEqual((record.value["status"], record.value["error"]["code"],
                          record.value["attempt"]), ("FAILED", "execution.exit", 1))

    def test_one_key_runs_in_order_and_others_beside_it(self):
        stamp = "date +%s%N; sleep 0.2; date +%s%N"
        publish(self.topics, [request("order", "same", "o%d" % i, code=stamp) for i in range(5)])
        spans = [tuple(map(int, r.value["stdout"].split()))
                 for r in self.wait_for(*("o%d" % i for i in range(5)))]
        for (_, end), (begin, _) in zip(spans, spans[1:]):
            self.assertGreaterEqual(begin, end)
        publish(self.topics, [request("order", "other%d" % i, "p%d" % i, code=stamp)
                              for i in range(2)])
        first, second = [tuple(map(int, r.value["stdout"].split()))
                         for r in self.wait_for("p0", "p1")]
        self.assertLess(max(first[0], second[0]), min(first[1], second[1]), "they did not overlap")

    def test_a_waiting_retry_does_not_hold_its_key(self):
        publish(self.topics, [request("free", "n", "f0", code="exit 1", retries=1, retryDelayMs=1500),
                              request("free", "n", "f1")])
        self.wait_for("f0", "f1")
        order = [r.value["executionId"] for r in read(self.topics, "results")
                 if r.key == "free:n"]
        self.assertEqual(order, ["f1", "f0"])

    def test_a_resubmission_writes_nothing(self):
        one = request("dup", "n", "dup", code="sleep 0.3")
        publish(self.topics, [one, one, request("dup", "n", "dup-last")])
        self.wait_for("dup", "dup-last")
        publish(self.topics, [one, request("dup", "n", "dup-last2")])
        self.wait_for("dup-last2")
        self.assertEqual(len(results(self.topics)["dup"]), 1)

    def test_stdout_is_cut_until_the_topic_takes_the_result(self):
        publish(self.topics, [request("big", "n", "big",
                                      code="head -c 250000 /dev/zero | tr '\\0' '\\001';"
                                           "head -c 250000 /dev/zero | tr '\\0' e >&2")])
        record, = self.wait_for("big")
        value = record.value
        self.assertTrue(value["stdoutTruncated"])
        self.assertFalse(value["stderrTruncated"])
        self.assertEqual(len(value["stderr"]), 250000)
        self.assertGreater(len(value["stdout"]), 50000)
        self.assertLess(len(record.text.encode()), 1048588)


class Life(unittest.TestCase):
    """Start, drain, rebalance, end."""

    def setUp(self):
        self.topics = cli.Topics()

    def lag(self, group):
        """What a scaler would see: the end of each partition less what is committed there."""
        topic = self.topics.name("requests")
        return sum(max(0, end_offset(topic, p) - max(0, committed(group, topic, p)))
                   for p in range(self.topics.partitions("requests")))

    def test_avro_requests_get_avro_results(self):
        self.topics.create(1)
        with Worker(self.topics) as worker:
            self.submit_avro()
            self.assertEqual(worker.end(), 0)

    def submit_avro(self):
        ran = self.topics.run("submit", "--thread", "avro", "--node", "n", "--type", "shell",
                              "--code", "echo avro", "--execution-id", "avro1",
                              "--encoding", "avro", "--wait", "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        headers = cli.kcat("-C", "-t", self.topics.name("results"), "-o", "beginning", "-e",
                           "-f", "%h\n")
        self.assertIn("content-type=application/avro,", headers)
        self.assertEqual(self.topics.read_bytes("results")[:2], b"\xc3\x01")

    def test_without_its_topics_it_says_what_to_run(self):
        ran = self.topics.run("run", "--set", "http.listen=off")
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("codeworker topics create", ran.stderr)
        self.assertIn(cli.broker_address(), ran.stderr)

    def test_a_floor_that_cannot_be_had_exits_69(self):
        self.topics.create(1)
        ran = self.topics.run("run", "--set", "http.listen=off", "--set",
                              "policy.isolation_floor=none", "--set",
                              "sandbox.require=network_namespace")
        self.assertEqual(ran.returncode, 69, ran.stderr)
        self.assertIn("network_namespace", ran.stderr)

    def test_waiting_for_the_sandbox_it_answers_and_ends_when_told(self):
        self.topics.create(1)
        port = free_port()
        with Worker(self.topics, settings=["policy.isolation_floor=none", "worker.wait_for_sandbox=true",
                                           "sandbox.require=network_namespace",
                                           "http.listen=127.0.0.1:%d" % port]) as worker:
            worker.wait_log("waiting for the sandbox")
            ready = "http://127.0.0.1:%d/readyz" % port
            cli.wait_until(lambda: status_of(ready) == 503, 20, "it never answered")
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(ready, timeout=5)
            self.assertIn(b"network_namespace", refused.exception.read())
            self.assertEqual(status_of(ready.replace("readyz", "livez")), 200)
            begin = time.monotonic()
            self.assertEqual(worker.end(), 0)
            self.assertLess(time.monotonic() - begin, 5)

    def test_its_last_words_are_a_line_of_its_log(self):
        ran = self.topics.run("run", "--set", "http.listen=off")
        last = json.loads(ran.stderr.splitlines()[-1])
        self.assertEqual((ran.returncode, last["level"]), (2, "error"))
        self.assertIn("topics create", last["reason"])

    def test_it_is_ready_once_it_has_joined_even_without_a_partition(self):
        self.topics.create(1)
        first, second = free_port(), free_port()
        with Worker(self.topics, "g" + self.topics.name("state"),
                    ["http.listen=127.0.0.1:%d" % first]) as one:
            ready = "http://127.0.0.1:%d/readyz"
            cli.wait_until(lambda: status_of(ready % first) == 200, 20, "it was never ready")
            with Worker(self.topics, one.group, ["http.listen=127.0.0.1:%d" % second]) as two:
                cli.wait_until(lambda: status_of(ready % second) == 200, 20,
                               "the one without a partition was never ready")
                self.assertEqual(two.end(), 0)
            self.assertEqual(one.end(), 0)

    def test_code_that_comes_again_is_compiled_ahead(self):
        self.topics.create(1)
        port = free_port()
        code = "".join("def f%d(x): return [x, %d]\n" % (n, n) for n in range(300))
        code += "def main(input): return f1(input)\n"

        def metric(name):
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=5) as answer:
                text = answer.read().decode()
            return float(re.search(r"^codeworker_code_cache_%s (\S+)$" % name, text, re.M)[1])

        def run(number):
            publish(self.topics, [request("c%d" % number, "n", "c%d" % number, scriptType="python",
                                          code=code, input=number)])
            value = wait_results(self.topics, number + 1, worker=worker)["c%d" % number][0].value
            self.assertEqual((value["status"], value["output"]), ("COMPLETED", [number, 1]), value)
            return value["sandbox"]["runtime"]

        with Worker(self.topics, settings=["http.listen=127.0.0.1:%d" % port]) as worker:
            if run(0) != "warm":
                self.skipTest("no warm Python")
            run(1)
            cli.wait_until(lambda: metric("bytes") > 1.5 * len(code), 20, "nothing was compiled")
            run(2)
            self.assertEqual((metric("misses_total"), metric("hits_total"), metric("evictions_total")), (2, 1, 0))
            self.assertEqual(worker.end(), 0)

    def test_sigterm_finishes_what_runs_and_hands_back_the_rest(self):
        self.topics.create(1)
        publish(self.topics, [request("t%d" % i, "n", "d%d" % i, code="sleep 1") for i in range(6)])
        with Worker(self.topics) as worker:
            cli.wait_until(lambda: len(results(self.topics)) >= 2, 20, "no results")
            begin = time.monotonic()
            self.assertEqual(worker.end(), 0)
            self.assertLess(time.monotonic() - begin, 6)
            count = len(results(self.topics))
            self.assertLess(count, 6)
            self.assertEqual(self.lag(worker.group), 6 - count)
            worker.start()
            found = wait_results(self.topics, 6, worker=worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual([len(records) for records in found.values()], [1] * 6)
        self.assertEqual({records[0].value["attempt"] for records in found.values()}, {1})

    def test_a_job_longer_than_the_grace_is_handed_back_uncounted(self):
        self.topics.create(1)
        publish(self.topics, [request("long", "n", "long", code="sleep 4")])
        with Worker(self.topics, settings=["worker.shutdown_grace=300ms"]) as worker:
            worker.wait_log("partitions assigned")
            time.sleep(0.5)
            begin = time.monotonic()
            self.assertEqual(worker.end(), 0)
            self.assertLess(time.monotonic() - begin, 3)
            self.assertEqual(results(self.topics), {})
            worker.settings.append("worker.shutdown_grace=30s")
            worker.start()
            found = wait_results(self.topics, 1, worker=worker)
            self.assertEqual(worker.end(), 0)
        value = found["long"][0].value
        self.assertEqual((value["status"], value["attempt"]), ("COMPLETED", 1))
        self.assertEqual(read(self.topics, "errors"), [])

    def test_workers_come_and_go_without_losing_or_doubling(self):
        self.topics.create(4)
        group = "g" + self.topics.name("state")
        total = 240
        settings = ["worker.revoke_grace=2s"]
        with Worker(self.topics, group, settings) as one, \
                Worker(self.topics, group, settings) as two, \
                Worker(self.topics, group, settings) as three:
            one.wait_log("partitions assigned")
            for worker in (two, three):
                if worker is two:
                    worker.end()	# it has only just come
            publish(self.topics, [request("t%d" % (i % 40), "n", "r%d" % i, code="sleep 0.03")
                                  for i in range(total)])
            two.start()
            wait_results(self.topics, total // 4)
            self.assertEqual(one.end(), 0)
            wait_results(self.topics, total // 2)
            one.start()
            found = wait_results(self.topics, total, seconds=60)
            for worker in (one, two, three):
                self.assertEqual(worker.end(), 0)
        self.assertEqual({name: len(records) for name, records in found.items()
                          if len(records) != 1}, {})
        last = {}
        for record in read(self.topics, "results"):
            number = int(record.value["executionId"][1:])
            self.assertGreater(number, last.get(record.key, -1))
            last[record.key] = number

    def test_the_fenced_one_of_two_with_one_id_says_so_and_exits_1(self):
        self.topics.create(2)
        group = "g" + self.topics.name("state")
        with Worker(self.topics, group, ["worker.id=twin"]) as old:
            old.wait_log("partitions assigned")
            with Worker(self.topics, group, ["worker.id=twin"]) as new:
                self.assertEqual(old.process.wait(30), 1)
                self.assertIn("worker.id", old.text())
                publish(self.topics, [request("t", "n", "after")])
                wait_results(self.topics, 1, worker=new)
                self.assertEqual(new.end(), 0)

    def test_an_idle_worker_leaves_no_phantom_lag(self):
        self.topics.create(1)
        with Worker(self.topics) as worker:
            worker.wait_log("partitions assigned")
            publish(self.topics, [request("t", "n", "one")])
            wait_results(self.topics, 1, worker=worker)
            self.assertEqual(worker.end(), 0)
            self.assertEqual(self.lag(worker.group), 0)

    def test_a_copy_runs_when_the_window_is_over_and_is_counted_before(self):
        self.topics.create(1)
        port, window_ms, copies = free_port(), 4000, 0
        with Worker(self.topics, settings=["worker.dedupe_window=%dms" % window_ms,
                                           "http.listen=127.0.0.1:%d" % port]) as worker:
            while len(results(self.topics)["x"]) < 2:
                self.assertLess(copies, 200)
                publish(self.topics, [request("t", "n", "x", code="echo $CODE_ATTEMPT")])
                copies += 1
                if copies == 1:
                    wait_results(self.topics, 1, worker=worker)
            publish(self.topics, [request("t", "n", "last")])
            wait_results(self.topics, 2, worker=worker)
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=5) as answer:
                self.assertIn("\ncodeworker_deduped_total %d\n" % (copies - 2), answer.read().decode())
            self.assertEqual(worker.end(), 0)
        first, second = (record.value for record in results(self.topics)["x"])
        self.assertEqual((first["attempt"], second["attempt"], first["source"]["offset"]), (1, 1, 0))
        written_ms = [record.timestamp_ms for record in kafka_harness.read(
            cli.broker_address(), self.topics.name("requests"))]
        ran, over_ms = second["source"]["offset"], first["timestamp"] + window_ms
        self.assertGreater(ran, 1)
        self.assertGreaterEqual(written_ms[ran], over_ms - 100)	# the broker's clock and its own rounding
        self.assertLess(written_ms[ran - 1], over_ms + 500)

    def test_memory_stays_bounded_with_a_small_queue(self):
        self.topics.create(2)
        publish(self.topics, [request("t%d" % (i % 50), "n", "m%d" % i, context={"x": "y" * 2000})
                              for i in range(1500)])
        with Worker(self.topics, settings=["worker.queue=50", "worker.window=100"]) as worker:
            found = wait_results(self.topics, 1500, seconds=90, worker=worker)
            peak = cli.peak_mib(worker.process.pid)
            self.assertEqual(worker.end(), 0)
        self.assertLess(peak, 128)
        self.assertEqual({len(records) for records in found.values()}, {1})

    def test_a_small_request_holds_no_more_memory_than_its_own(self):
        self.topics.create(1)
        count = 150
        large = request("large", "n", "large", input="y" * 900000)
        publish(self.topics, [one for i in range(count) for one in
                              (request("small", "n", "s%d" % i, code=":" if i else "sleep 8"), large)])
        with Worker(self.topics) as worker:
            wait_results(self.topics, count + 1, seconds=90, worker=worker)
            peak = cli.peak_mib(worker.process.pid)
            self.assertEqual(worker.end(), 0)
        self.assertLess(peak, 128)


if __name__ == "__main__":
    cli.main()
