"""replay: jobs go back as they were but for their id, and no more often than asked for."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest

import cli_support as cli
import delivery_support as delivery
import kafka_harness

FOREIGN = [("trace", b"\xff\xfe\x01"), ("codeworker-attempt", b"7"), ("nothing", None),
           ("__dlq.errors.topic", b"forged"), ("twice", b"1"), ("twice", b""),
           ("__dlq.errors.message", b"also forged")]


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


def records(topics, role):
    return kafka_harness.read(cli.broker_address(), topics.name(role))


def produce(topics, value, key=b"t:n", headers=()):
    kafka_harness.produce(cli.broker_address(), topics.name("requests"), value, key=key, headers=headers)


def varint(number):
    """Avro's long, zigzag, for lengths."""
    number, encoded = number << 1, b""
    while number >= 0x80:
        encoded, number = encoded + bytes([number & 0x7F | 0x80]), number >> 7
    return encoded + bytes([number])


class Replay(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(2)

    def work(self, results):
        """A worker, until so many executions have a result."""
        with delivery.Worker(self.topics) as worker:
            cli.wait_until(lambda: len(self.executions()) >= results, 60,
                           "%d results" % results)
            self.assertEqual(worker.end(), 0)

    def executions(self):
        """By threadId, nodeId, executionId: their results."""
        return {tuple(dict(r.headers)[name] for name in ("threadId", "nodeId", "executionId")): r.value
                for r in records(self.topics, "results")}

    def failed(self, *requests):
        delivery.publish(self.topics, requests)
        self.work(len(requests))

    def replay(self, *options, status=0):
        ran = self.topics.run("replay", *options)
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        self.summary = ran.stderr.splitlines()[-1] if ran.stderr else ""
        self.complaints = ran.stderr
        return ran.stdout.splitlines()

    def remove(self, role):
        """As retention would."""
        name = self.topics.name(role)
        for partition in (0, 1):
            cli.broker().records_delete(name, partition, delivery.end_offset(name, partition))

    def ids(self):
        """Of the requests on the topic, in order of partition and offset."""
        return [json.loads(r.value)["executionId"] for r in records(self.topics, "requests")]


class Bytes(Replay):
    def test_a_json_dead_letter_goes_back_byte_for_byte_but_for_its_id(self):
        before = (b' { "threadId":"t" , "nodeId":"n",\n "executionId" : "e\\u0031" , "other":[1.0, 1e2],'
                  b' "scriptType":"shell", "code":"exit 3", "input": {"b": 1 ,"a":2e0}} \n')
        produce(self.topics, before, headers=FOREIGN)
        self.work(1)
        self.assertEqual(self.replay("--from", "dead"), ["e1~r1"])
        original, again = records(self.topics, "requests")
        self.assertEqual(original.value, before)
        self.assertEqual(again.value, before.replace(b'"e\\u0031"', b'"e1~r1","replayOf":"e1"'))
        self.assertEqual(again.headers, FOREIGN)
        self.assertEqual(again.key, b"t:n")
        self.assertEqual(again.partition, original.partition)
        self.work(2)
        result = json.loads(self.executions()[b"t", b"n", b"e1~r1"])
        self.assertEqual((result["replayOf"], result["status"]), ("e1", "FAILED"))

    def test_a_replay_that_failed_goes_back_as_the_next_one(self):
        self.failed(delivery.request("t", "n", "e", code="exit 1", replayOf=None))
        self.assertEqual(self.replay("--from", "dead"), ["e~r1"])
        self.work(2)
        self.assertEqual(self.replay("--from", "dead"), ["e~r2"])
        self.assertIn("1 left out", self.summary)
        last = json.loads(records(self.topics, "requests")[-1].value)
        self.assertEqual((last["executionId"], last["replayOf"]), ("e~r2", "e~r1"))

    def test_an_avro_dead_letter_stays_avro_byte_for_byte(self):
        ran = self.topics.run("submit", "--thread", "t", "--node", "n", "--execution-id", "first",
                              "--encoding", "avro", "--type", "shell", "--code", "exit 3",
                              "--input", '{"a": [1,  2]}', "--metadata", "k=v")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.work(1)
        self.assertEqual(self.replay("--from", "dead"), ["first~r1"])
        original, again = records(self.topics, "requests")
        head, rest = original.value[:10], original.value[10:]
        self.assertEqual(rest[:6], varint(5) + b"first")
        self.assertEqual(rest[-1:], b"\0")		# replayOf is the last field, and null
        self.assertEqual(again.value, head + varint(8) + b"first~r1" + rest[6:-1] +
                         b"\x02" + varint(5) + b"first")
        self.work(2)
        self.assertEqual(self.executions()[b"t", b"n", b"first~r1"][:2], b"\xc3\x01")

    def test_a_request_without_an_id_is_named_after_its_place(self):
        produce(self.topics, b'{"threadId":"t","nodeId":"n","config":{"scriptType":"shell","inline":true,'
                             b'"scriptName":"exit 4","colour":"red"}}')
        self.work(1)
        original = records(self.topics, "requests")[0]
        name = "%s-%d-%d" % (self.topics.name("requests"), original.partition, original.offset)
        self.assertEqual(self.replay("--from", "dead"), [name + "~r1"])
        again = records(self.topics, "requests")[1]
        self.assertEqual(again.value, original.value.replace(
            b"{", b'{"executionId":"%s~r1","replayOf":"%s",' % (name.encode(), name.encode()), 1))
        self.assertEqual(self.replay("--from", "dead"), [])

    def test_results_errors_and_requests_lead_to_the_same_bytes(self):
        for way, expected in (("results", "e~r1"), ("errors", "e~r2"), ("requests", "e~r3")):
            with self.subTest(way=way):
                if way == "results":
                    produce(self.topics, b'{"threadId":"t","nodeId":"n","executionId":"e",'
                                         b'"scriptType":"shell","code":"exit 1","x":1.50}', headers=FOREIGN)
                    self.work(1)
                self.assertEqual(self.replay("--from", way, "--force", "--limit", "1"), [expected])
                again = records(self.topics, "requests")[-1]
                self.assertEqual(again.headers, FOREIGN)
                self.assertEqual(again.value, b'{"threadId":"t","nodeId":"n","executionId":"%s",'
                                              b'"replayOf":"e","scriptType":"shell","code":"exit 1",'
                                              b'"x":1.50}' % expected.encode())


class Choice(Replay):
    def test_filters_choose_by_who_and_how_it_ended(self):
        self.failed(delivery.request("t1", "a", "exit", code="exit 1", tenant="red"),
                    delivery.request("t1", "b", "kill", code="kill -9 $$"),
                    delivery.request("t2", "a", "fine", tenant="red"),
                    delivery.request("t2", "b", "late", deadline=1000))
        for options, expected in (
                (["--from", "dead"], ["exit", "kill"]),
                (["--from", "errors"], ["exit", "kill"]),
                (["--from", "results"], ["exit", "fine", "kill", "late"]),
                (["--from", "requests"], ["exit", "fine", "kill", "late"]),
                (["--from", "results", "--thread", "t2"], ["fine", "late"]),
                (["--from", "requests", "--thread", "t1", "--node", "b"], ["kill"]),
                (["--from", "results", "--tenant", "red"], ["exit", "fine"]),
                (["--from", "dead", "--tenant", "red"], ["exit"]),
                (["--from", "results", "--status", "skipped"], ["late"]),
                (["--from", "requests", "--status", "COMPLETED"], ["fine"]),
                (["--from", "dead", "--status", "FAILED"], ["exit", "kill"]),
                (["--from", "dead", "--error", "execution.signal"], ["kill"]),
                (["--from", "errors", "--error", "execution.exit"], ["exit"]),
                (["--from", "requests", "--error", "expired"], ["late"])):
            with self.subTest(options=options):
                self.assertEqual(sorted(self.replay("--dry-run", *options)), expected)
        self.assertEqual(len(records(self.topics, "requests")), 4)
        self.assertEqual(len(self.replay("--from", "results", "--dry-run", "-c", "3")), 3)

    def test_times_are_those_of_the_records(self):
        self.failed(delivery.request("t", "n", "old", code="exit 1"))
        time.sleep(0.05)
        self.failed(delivery.request("t", "n", "old", code="exit 1"),
                    delivery.request("t", "n", "new", code="exit 1"))
        old, new = (r.timestamp_ms for r in records(self.topics, "dead"))
        for options, expected in ((["--since", str(new)], ["new"]), (["--until", str(old)], ["old"]),
                                  (["--since", str(old), "--until", str(new)], ["new", "old"]),
                                  (["--since", str(new + 1)], [])):
            with self.subTest(options=options):
                self.assertEqual(sorted(self.replay("--dry-run", "--from", "dead", *options)), expected)

    def test_an_attempt_that_is_followed_by_another_is_not_put_back(self):
        self.failed(delivery.request("t", "n", "e", retries=1, retryDelayMs=10,
                                     code='test "$CODE_ATTEMPT" = 2'))
        self.assertEqual(len(records(self.topics, "errors")), 1)
        self.assertEqual(self.replay("--from", "errors"), [])

    def test_dry_run_shows_records_as_json(self):
        self.failed(delivery.request("t", "n", "e", code="exit 1"))
        for way in ("dead", "results", "errors", "requests"):
            line, = self.replay("--from", way, "--dry-run", "--json")
            self.assertEqual(json.loads(line)["executionId"], "e")
        line, = self.replay("--from", "results", "--json")
        self.assertEqual(json.loads(line)["replayOf"], "e")
        self.assertEqual(self.ids(), ["e", "e~r1"])

    def test_wrong_options_are_usage_errors(self):
        for options in ([], ["--from", "nowhere"], ["--from", "dead", "--error", "timeuot"],
                        ["--from", "dead", "--rate", "0"], ["--from", "dead", "--limit", "0"],
                        ["--from", "dead", "--status", "GOOD"], ["--from", "dead", "extra"]):
            with self.subTest(options=options):
                self.assertEqual(self.topics.run("replay", *options).returncode, 2)


class Once(Replay):
    def test_replaying_twice_does_not_run_twice(self):
        self.failed(*[delivery.request("t", "n%d" % i, "e", code="exit 1") for i in range(3)])
        self.assertEqual(self.replay("--from", "dead"), ["e~r1"] * 3)
        self.assertEqual(self.replay("--from", "dead"), [])
        self.assertIn("0 put back; 3 left out", self.summary)
        self.assertEqual(self.replay("--from", "requests"), [])
        self.assertIn("0 put back; 3 left out, since they have a replay (--force); 3 left out", self.summary)

    def test_a_replay_that_succeeded_is_not_put_back_by_the_next_run(self):
        self.failed(delivery.request("t", "n", "e"))
        self.assertEqual(self.replay("--from", "results"), ["e~r1"])
        self.work(2)
        for way in ("results", "requests"):
            self.assertEqual(self.replay("--from", way), [])
            self.assertIn("1 left out, since they are replays and have not failed", self.summary)
        self.assertEqual(self.replay("--from", "requests", "--force"), ["e~r2", "e~r3"])

    def test_a_replay_that_failed_again_is_found_everywhere(self):
        self.failed(delivery.request("t", "n", "e", code="exit 1"))
        self.replay("--from", "requests")
        self.work(2)
        for way in ("results", "requests", "errors", "dead"):
            self.assertEqual(self.replay("--from", way, "--dry-run"), ["e~r1"])

    def test_force_takes_the_next_free_number(self):
        self.failed(delivery.request("t", "n", "e", code="exit 1"),
                    delivery.request("t", "n", "f~r4", code="exit 1"))
        self.replay("--from", "dead")
        self.assertEqual(self.replay("--from", "dead", "--force"), ["e~r2", "f~r6"])
        self.assertEqual(self.ids(), ["e", "f~r4", "e~r1", "f~r5", "e~r2", "f~r6"])
        last = json.loads(records(self.topics, "requests")[-1].value)
        self.assertEqual(last["replayOf"], "f~r4")

    def test_a_replay_is_known_by_its_result_when_its_request_is_gone(self):
        self.failed(delivery.request("t", "n", "e", code='test "$CODE_EXECUTION_ID" != e'))
        self.replay("--from", "dead")
        self.work(2)
        self.assertEqual(len(records(self.topics, "dead")), 1)
        self.remove("requests")
        self.assertEqual(self.replay("--from", "dead"), [])
        self.assertIn("1 left out, since they have a replay", self.summary)

    def test_a_replay_is_known_by_its_dead_letter_when_all_else_is_gone(self):
        self.failed(delivery.request("t", "n", "e", code="exit 1"))
        self.replay("--from", "dead")
        self.work(2)
        self.remove("requests")
        self.remove("results")
        self.assertEqual(self.replay("--from", "dead"), ["e~r2"])

    def test_what_a_run_puts_back_does_not_come_round(self):
        """Little is read ahead, so that there would be something of its own to read."""
        count = 300
        delivery.publish(self.topics, [delivery.request("t", "n", "e%d" % i, code="#" * 1000)
                                       for i in range(count)])
        self.assertEqual(self.replay("--from", "requests", "--force", "--limit", str(2 * count),
                                     "-X", "queued.min.messages=1", "-X", "fetch.message.max.bytes=50000"),
                         ["e%d~r1" % i for i in range(count)])

    def test_generations_end_without_force(self):
        self.failed(delivery.request("t", "n", "e~r10", code="exit 1"))
        self.assertEqual(self.replay("--from", "dead"), [])
        self.assertIn("1 replayed as often as it goes without --force", self.summary)
        self.assertEqual(self.replay("--from", "dead", "--force"), ["e~r11"])

    def test_an_interrupted_run_ends_in_order_and_the_next_goes_on(self):
        self.failed(*[delivery.request("t%d" % i, "n", "e%d" % i, code="exit 1") for i in range(8)])
        with cli.start(self.topics.arguments("replay", "--from", "dead", "--rate", "4/s")) as process:
            first = process.stdout.readline().strip()
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read().split()
            self.assertEqual(process.wait(30), 130)
        self.assertLess(len(rest), 5)
        self.assertEqual(len(records(self.topics, "requests")), 8 + 2 + len(rest))
        self.assertNotIn(first, self.replay("--from", "dead"))
        self.assertEqual(sorted(self.ids()[:]), sorted(
            ["e%d" % i for i in range(8)] + ["e%d~r1" % i for i in range(8)]))

    def test_rate_keeps_the_pace(self):
        self.failed(*[delivery.request("t%d" % i, "n", "e", code="exit 1") for i in range(5)])
        began = time.monotonic()
        self.replay("--from", "dead", "--rate", "5/s")
        self.assertGreater(time.monotonic() - began, 0.8)
        times = sorted(r.timestamp_ms for r in records(self.topics, "requests"))[5:]
        self.assertGreater(times[-1] - times[0], 700)


class Terminal(Replay):
    """What a person sees who waits for it, and a script does not."""

    def on_terminal(self, *options):
        """All that standard error, a terminal, was given; standard output is none."""
        ours, theirs = pty.openpty()
        with subprocess.Popen([cli.PROGRAM] + self.topics.arguments("replay", *options), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=theirs) as process:
            os.close(theirs)
            seen = b""
            with contextlib.suppress(OSError):		# EIO: nobody has the other side any more
                while piece := os.read(ours, 4096):
                    seen += piece
            self.output = process.stdout.read().decode()
        os.close(ours)
        self.assertEqual(process.returncode, 0, seen)
        return seen.decode()

    def test_progress_is_shown_and_gives_way_to_the_summary(self):
        count = 6
        self.failed(*[delivery.request("t%d" % i, "n", "e%d" % i, code="exit 1") for i in range(count)])
        seen = self.on_terminal("--from", "dead", "--rate", "4/s")
        *progress, last = seen.split("\r\033[K")
        self.assertEqual(last, "codeworker: %d put back\r\n" % count)
        self.assertRegex(progress[1], r"^reading what is there: \d+ records$")
        done = [int(found[1]) for found in (re.match(r"(\d+) done, 0 replayed before$", line)
                                            for line in progress) if found]
        self.assertEqual(done, sorted(set(done)))
        self.assertGreater(len(done), 2)
        self.assertLessEqual(done[-1], count)
        self.assertEqual(sorted(self.output.split()), ["e%d~r1" % i for i in range(count)])
        seen = self.on_terminal("--from", "dead")
        self.assertEqual(seen.split("\r\033[K")[-1],
                         "codeworker: 0 put back; %d left out, since they have a replay (--force)\r\n" % count)

    def test_without_a_terminal_there_is_the_summary_alone(self):
        self.failed(*[delivery.request("t%d" % i, "n", "e%d" % i, code="exit 1") for i in range(3)])
        self.replay("--from", "dead", "--rate", "4/s")
        self.assertEqual(self.complaints, "codeworker: 3 put back\n")


class Unfit(Replay):
    def test_malformed_dead_letters_are_named_and_stay(self):
        produce(self.topics, b'{"threadId":"t","nodeId":"n","executionId":"bad","scriptType":"shell"}')
        produce(self.topics, b"\x07 nonsense", key=b"x")
        produce(self.topics, None, key=b"null")
        self.failed(delivery.request("t", "n", "good", code="exit 1"),
                    ("k", "{}"))
        cli.wait_until(lambda: len(records(self.topics, "dead")) == 5, 20, "5 dead letters")
        self.assertEqual(self.replay("--from", "dead"), ["good~r1"])
        self.assertIn("4 malformed", self.summary)
        self.assertRegex(self.complaints, r"dead partition \d offset \d, bad: code: is missing")
        self.assertEqual(len(re.findall(r" partition \d offset \d", self.complaints)), 4)
        self.assertEqual(len(records(self.topics, "requests")), 6)
        self.assertEqual(self.replay("--from", "dead", "--error", "request.malformed", "--thread", "t"), [])
        self.assertIn("1 malformed", self.summary)

    def test_the_value_that_a_dead_letter_omits_is_read_from_the_requests(self):
        cli.broker().topic_set(self.topics.name("dead"), "max.message.bytes=2000")
        value = json.dumps(delivery.request("t", "n", "e", code="exit 1 #" + "x" * 4000)).encode()
        produce(self.topics, value, headers=[("own", b"\xff")])
        self.work(1)
        letter, = records(self.topics, "dead")
        self.assertIsNone(letter.value)
        self.assertEqual(letter.headers[-1], ("codeworker-dead-value", b"omitted"))
        self.assertEqual(self.replay("--from", "dead"), ["e~r1"])
        again = records(self.topics, "requests")[1]
        self.assertEqual(again.value, value.replace(b'"e"', b'"e~r1","replayOf":"e"'))
        self.assertEqual(again.headers, [("own", b"\xff")])

    def test_a_request_that_retention_has_removed_is_told_of(self):
        self.failed(delivery.request("t", "n", "e", code="exit 1"))
        self.remove("requests")
        for way in ("results", "errors"):
            self.assertEqual(self.replay("--from", way), [])
            self.assertIn("1 without their request", self.summary)
            self.assertRegex(self.complaints, "e: .* retention has removed it.*--from dead")
        self.assertEqual(self.replay("--from", "dead"), ["e~r1"])

    def told(self, execution, partition, offset, topic=None):
        """A result that says where its request stands."""
        kafka_harness.produce(cli.broker_address(), self.topics.name("results"), json.dumps({
            "executionId": execution, "threadId": "t", "nodeId": "n", "status": "FAILED",
            "source": {"topic": topic or self.topics.name("requests"), "partition": partition,
                       "offset": offset}}).encode(), key=b"t:n", partition=0)

    def test_requests_are_found_wherever_they_stand(self):
        """Far and near, forward and back, in both partitions."""
        name, count = self.topics.name("requests"), 2600
        for partition in (0, 1):
            cli.kcat("-P", "-t", name, "-p", str(partition), "-K", "\t", stdin="".join(
                "t:n\t" + json.dumps(delivery.request("t", "n", "e%d.%d" % (partition, i))) + "\n"
                for i in range(count)))
        places = [(0, 0), (1, 7), (0, 1), (0, 900), (1, 2599), (0, 2400), (1, 8), (0, 2599), (0, 2)]
        for partition, offset in places:
            self.told("e%d.%d" % (partition, offset), partition, offset)
        self.assertEqual(self.replay("--from", "results"), ["e%d.%d~r1" % place for place in places])

    def test_a_place_where_something_else_stands_is_told_of(self):
        delivery.publish(self.topics, [delivery.request("t", "n", "e")])
        here, = records(self.topics, "requests")
        for told in (("x", here.partition, here.offset), ("y", here.partition, here.offset + 1),
                     ("z", 7, 0), ("w", here.partition, here.offset, "elsewhere"),
                     ("e", here.partition, here.offset)):
            self.told(*told)
        self.assertEqual(self.replay("--from", "results"), ["e~r1"])
        self.assertIn("4 without their request", self.summary)
        self.assertRegex(self.complaints, "x: another request stands")
        self.assertRegex(self.complaints, "w: its request is not of .* but of elsewhere")

    def test_an_omitted_value_is_not_taken_from_another_request(self):
        produce(self.topics, json.dumps(delivery.request("t", "n", "e")).encode())
        here, = records(self.topics, "requests")
        kafka_harness.produce(cli.broker_address(), self.topics.name("dead"), None, key=b"other", headers=[
            ("__dlq.errors.topic", self.topics.name("requests").encode()),
            ("__dlq.errors.partition", str(here.partition).encode()),
            ("__dlq.errors.offset", str(here.offset).encode()),
            ("codeworker-dead-value", b"omitted")])
        self.assertEqual(self.replay("--from", "dead"), [])
        self.assertIn("1 without their request", self.summary)

    def test_a_dead_letter_of_nobody_s_is_malformed(self):
        kafka_harness.produce(cli.broker_address(), self.topics.name("dead"), b"{}", key=b"k")
        self.assertEqual(self.replay("--from", "dead"), [])
        self.assertIn("1 malformed", self.summary)


class Verify(Replay):
    def test_results_that_differ_are_shown(self):
        self.failed(delivery.request("t", "n", "same", code="echo out; echo err >&2; exit 3"),
                    delivery.request("t", "n", "value", scriptType="python",
                                     code="def main(input): return {'a': input}", input=[1, 2]),
                    delivery.request("t", "n", "clock", code="date +%s.%N"),
                    delivery.request("t", "n", "late", deadline=1000))
        before = {role: records(self.topics, role) for role in ("requests", "results", "dead", "errors")}
        lines = self.replay("--from", "results", "--verify", status=1)
        self.assertEqual(lines[:2], ["same same", "value same"])
        self.assertRegex(lines[2], r'^clock differs: stdout "\d.*" -> "\d.*"$')
        self.assertIn("3 run here, 1 with another result; 1 without a result to compare", self.summary)
        self.assertEqual(len(self.replay("--from", "requests", "--verify", "--status", "FAILED")), 1)
        self.assertEqual(self.replay("--from", "dead", "--verify"), ["same same"])
        line, = self.replay("--from", "errors", "--verify", "--json")
        self.assertEqual(json.loads(line), {"executionId": "same", "same": True, "differences": []})
        self.assertEqual(before, {role: records(self.topics, role) for role in before})

    def test_every_kind_of_difference_is_seen(self):
        """The job ends otherwise here, where shell code is run by something else."""
        self.failed(delivery.request("t", "n", "e", code="echo x; exit 3"))
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            config.write("runtimes:\n  shell:\n    argv: [/bin/sh, -c, 'echo y >&2; kill -9 $$', '{file}']\n")
            config.flush()
            line, = self.replay("--from", "results", "--verify", "--json", "--config", config.name, status=1)
        found = {d["field"]: (d["recorded"], d["now"]) for d in json.loads(line)["differences"]}
        self.assertEqual(found, {"exitCode": (3, None), "signal": (None, "SIGKILL"),
                                 "stdout": ("x\n", ""), "stderr": ("", "y\n"),
                                 "error.code": ("execution.exit", "execution.signal")})

    def test_an_attempt_is_verified_as_the_attempt_that_it_was(self):
        self.failed(delivery.request("t", "n", "e", retries=1, retryDelayMs=10,
                                     code='echo "$CODE_ATTEMPT $CODE_EXECUTION_ID"\n'
                                          'test "$CODE_ATTEMPT" = 2'))
        self.assertEqual(self.replay("--from", "results", "--verify"), ["e same"])


if __name__ == "__main__":
    cli.main()
