#!/usr/bin/python3
"""The commands that talk to Kafka, as a user meets them: topics, submit, tail, cancel, demo."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli

ROLES = ("requests", "results", "errors", "retries", "dead", "control", "state")


def murmur2(data):
    """Kafka's own hash of keys (org.apache.kafka.common.utils.Utils.murmur2)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) - len(data) % 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if len(data) % 4:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class Topics(unittest.TestCase):
    def test_create_makes_seven_topics_that_check_accepts(self):
        topics = cli.Topics()
        made = topics.run("topics", "create", "--partitions", "4")
        self.assertEqual(made.returncode, 0, made.stderr)
        for role in ROLES:
            self.assertRegex(made.stdout, r"(?m)^%s +\d+ +created" % re.escape(topics.name(role)))
        checked = topics.run("topics", "check")
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.assertEqual(len(re.findall(r"(?m) ok *$", checked.stdout)), 7, checked.stdout)
        self.assertEqual(topics.partitions("requests"), 4)
        self.assertEqual(topics.partitions("state"), 4)
        self.assertEqual(topics.partitions("retries"), 4)
        self.assertEqual(topics.partitions("control"), 1)

    def test_create_leaves_existing_topics_alone(self):
        topics = cli.Topics()
        topics.create(2)
        again = topics.run("topics", "create", "--partitions", "5")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(len(re.findall(r" exists ", again.stdout)), 7, again.stdout)
        self.assertEqual(topics.partitions("requests"), 2)

    def test_create_follows_the_partitions_of_requests_that_exist(self):
        first, second = cli.Topics(), cli.Topics()
        first.create(3)
        second.names["requests"] = first.name("requests")
        made = second.run("topics", "create", "--partitions", "8")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(second.partitions("state"), 3)
        self.assertEqual(second.run("topics", "check").returncode, 0)

    def test_check_names_a_missing_topic_and_the_remedy(self):
        topics = cli.Topics()
        topics.create(1)
        topics.names["dead"] += "-nowhere"
        checked = topics.run("topics", "check")
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stdout, r"%s +- +MISSING .*topics create" % topics.name("dead"))
        self.assertEqual(len(re.findall(r"(?m) ok *$", checked.stdout)), 6)

    def test_check_names_what_is_wrong_with_a_topic(self):
        """Each fault, by giving one topic's role to another."""
        topics, other = cli.Topics(), cli.Topics()
        topics.create(2)
        other.create(3)
        results = other.name("results")
        for role, stand_in, fault in (
                ("state", other.name("state"), "3 partitions, should be 2"),
                ("retries", other.name("retries"), "3 partitions, should be 2"),
                ("control", results, "message.timestamp.type is CreateTime"),
                ("dead", results, "max.message.bytes is 1048588")):
            with self.subTest(role=role):
                faulty = cli.Topics(dict(topics.names, **{role: stand_in}))
                checked = faulty.run("topics", "check")
                self.assertEqual(checked.returncode, 1, checked.stdout)
                self.assertIn(fault, checked.stdout)
                self.assertEqual(len(re.findall(r" FAULT ", checked.stdout)), 1)

    def test_check_measures_retention_by_the_configured_windows(self):
        topics = cli.Topics()
        topics.create(1)
        checked = topics.run("topics", "check", "--set", "worker.dedupe_window=100h")
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stdout, r"%s .*retention.ms" % topics.name("state"))

    def test_an_unreachable_broker_is_a_clear_error(self):
        for command in (["topics", "check"], ["tail"], ["cancel", "--thread", "t"],
                        ["submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", ":"]):
            with self.subTest(command=command[0]):
                began = time.monotonic()
                ran = cli.run(command + ["-b", "127.0.0.1:1"])
                self.assertEqual(ran.returncode, 1)
                self.assertIn("127.0.0.1:1", ran.stderr)
                self.assertIn("Connection refused", ran.stderr)
                self.assertLess(time.monotonic() - began, 20)

    def test_wrong_usage_exits_with_2(self):
        for command in (["topics"], ["topics", "destroy"], ["topics", "create", "--partitions", "0"],
                        ["topics", "create", "--partitions", "x"], ["tail", "--status", "SO-SO"],
                        ["tail", "--from", "whenever"], ["tail", "-o", "middle"], ["tail", "-c", "0"],
                        ["tail", "extra"], ["submit", "--thread", "t"],
                        ["submit", "--thread", "t", "--node", "n"],
                        ["submit", "--thread", "t", "--node", "n", "--code", "x"],
                        *(["submit", "--thread", "t", "--node", "n", option, "x" * 1025, "--type", "shell",
                           "--code", "x"] for option in ("--thread", "--node", "--execution-id")),
                        ["submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", "x",
                         "--encoding", "xml"],
                        ["submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", "x",
                         "--timeout", "soon"],
                        ["cancel"], ["cancel", "--node", "n"], ["cancel", "--thread", ""],
                        ["cancel", "--thread", "t", "--execution-id", "x"],
                        ["cancel", "--execution-id", "x" * 1025], ["cancel", "--thread", "t", "extra"],
                        ["cancel", "--execution-id", "x", "--node", "n"],
                        ["demo", "extra"], ["demo", "--nonsense"]):
            with self.subTest(command=command):
                ran = cli.run(command)
                self.assertEqual(ran.returncode, 2, ran.stderr)
                self.assertNotEqual(ran.stderr, "")

    def test_each_command_explains_itself(self):
        for command in ("topics", "submit", "tail", "cancel", "demo"):
            with self.subTest(command=command):
                ran = cli.run([command, "--help"])
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertIn("codeworker " + command, ran.stdout)
                self.assertEqual(cli.run([command, "--version"]).returncode, 0)


class Submit(unittest.TestCase):
    def test_publishes_json_by_key_where_java_would(self):
        topics = cli.Topics()
        topics.create(5)
        for node in ("n1", "n2", "knoten-\u00e4"):
            ran = topics.run("submit", "--thread", "t", "--node", node, "--type", "shell",
                             "--code", "echo hi", "--input", '{"a":1}', "--timeout", "5s",
                             "--memory", "64M", "--env", "X=1", "--retries", "2")
            self.assertEqual(ran.returncode, 0, ran.stderr)
        records = topics.read("requests")
        self.assertEqual(len(records), 3)
        for record in records:
            key = record["key"].encode()
            self.assertEqual(record["partition"], (murmur2(key) & 0x7FFFFFFF) % 5)
            request = json.loads(record["payload"])
            self.assertEqual(record["key"], "t:" + request["nodeId"])
            self.assertEqual(request["scriptType"], "shell")
            self.assertEqual(request["code"], "echo hi")
            self.assertEqual(request["input"], {"a": 1})
            self.assertEqual(request["timeoutMs"], 5000)
            self.assertEqual(request["limits"]["memoryBytes"], 64 << 20)
            self.assertEqual(request["environment"], {"X": "1"})
            self.assertEqual(request["retries"], 2)

    def test_prints_a_fresh_id_for_each_request(self):
        topics = cli.Topics()
        topics.create(1)
        ran = topics.run("submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", ":",
                         "--count", "20")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        printed = ran.stdout.split()
        self.assertEqual(len(set(printed)), 20)
        published = [json.loads(r["payload"])["executionId"] for r in topics.read("requests")]
        self.assertEqual(published, printed)

    def test_publishes_avro_single_objects(self):
        topics = cli.Topics()
        topics.create(1)
        ran = topics.run("submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", ":",
                         "--encoding", "avro", "--execution-id", "e-avro")
        self.assertEqual((ran.returncode, ran.stdout), (0, "e-avro\n"), ran.stderr)
        value = topics.read_bytes("requests")
        self.assertEqual(value[:2], b"\xc3\x01")
        self.assertIn(b"e-avro", value)

    def test_a_missing_topic_is_named_and_not_made(self):
        topics = cli.Topics()
        ran = topics.run("submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", ":")
        self.assertEqual(ran.returncode, 1)
        self.assertIn(topics.name("requests"), ran.stderr)
        self.assertIn("topics create", ran.stderr)
        self.assertEqual(topics.partitions("requests"), 0)

    def test_a_request_too_big_for_the_topic_is_refused(self):
        topics = cli.Topics()
        topics.create(1)
        ran = topics.run("submit", "--thread", "t", "--node", "n", "--type", "python", "-",
                         stdin="#" * 3000000)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("0 of 1", ran.stderr)
        self.assertEqual(topics.read("requests"), [])


class WithWorker(unittest.TestCase):
    """submit --wait and tail, beside a running worker."""

    @classmethod
    def setUpClass(cls):
        cls.topics = cli.Topics()
        cls.topics.create(2)
        cls.worker = cli.Worker(cls.topics)

    @classmethod
    def tearDownClass(cls):
        cls.worker.stop()

    def submit(self, *options, node=None):
        return self.topics.run("submit", "--thread", "t", "--node", node or uuid.uuid4().hex,
                               "--wait=60s", *options)

    def test_wait_prints_the_result_of_a_success(self):
        for encoding in ("json", "avro"):
            with self.subTest(encoding=encoding):
                ran = self.submit("--type", "python", "--code",
                                  "def main(i):\n return {'answer': i['a'] * 7}",
                                  "--input", '{"a":6}', "--encoding", encoding)
                self.assertEqual(ran.returncode, 0, ran.stderr)
                result = json.loads(ran.stdout)
                self.assertEqual(result["status"], "COMPLETED")
                self.assertEqual(result["output"], {"answer": 42})

    def test_wait_exits_with_1_for_a_failure_and_prints_it_too(self):
        ran = self.submit("--type", "shell", "--code", "echo no >&2; exit 3")
        self.assertEqual(ran.returncode, 1, ran.stderr)
        result = json.loads(ran.stdout)
        self.assertEqual(result["error"]["code"], "execution.exit")
        self.assertEqual(result["exitCode"], 3)

    def test_wait_collects_every_result_of_a_count(self):
        ran = self.submit("--type", "shell", "--code", ":", "-c", "5")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        results = [json.loads(line) for line in ran.stdout.splitlines()]
        self.assertEqual(len({r["executionId"] for r in results}), 5)
        self.assertEqual([r["status"] for r in results], ["COMPLETED"] * 5)

    def test_wait_finds_the_result_that_stands(self):
        options = ("--type", "shell", "--code", "date +%N", "--execution-id", uuid.uuid4().hex)
        first = self.submit(*options, node="standing")
        second = self.submit(*options, node="standing")
        self.assertEqual((first.returncode, second.returncode), (0, 0), second.stderr)
        self.assertEqual(json.loads(first.stdout), json.loads(second.stdout))
        key = "t:standing"
        self.assertEqual(len([r for r in self.topics.read("results") if r["key"] == key]), 1)

    def test_wait_gives_up_when_told_to(self):
        ran = self.topics.run("submit", "--thread", "t", "--node", uuid.uuid4().hex, "--type", "shell",
                              "--code", "sleep 20", "--wait=500ms")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("no result", ran.stderr)

    def test_tail_ends_at_the_end_and_filters(self):
        node = uuid.uuid4().hex
        self.submit("--type", "shell", "--code", "echo out", node=node)
        self.submit("--type", "shell", "--code", "exit 4", node=node)
        both = self.tail("--node", node)
        self.assertEqual(sorted(r.get("status", "error") for r in both),
                         ["COMPLETED", "FAILED", "error"])
        self.assertEqual([r["status"] for r in self.tail("--node", node, "--status", "FAILED")],
                         ["FAILED"])
        self.assertEqual([r["stdout"] for r in self.tail("--results", "--node", node, "--status",
                                                         "completed")], ["out\n"])
        self.assertEqual([r["error"]["code"] for r in self.tail("--errors", "--node", node)],
                         ["execution.exit"])
        self.assertEqual(self.tail("--node", node, "--thread", "other"), [])
        self.assertEqual(self.tail("--node", node, "--from", "end"), [])
        self.assertEqual(len(self.tail("--node", node, "--from", "10m")), 3)
        self.assertEqual(len(self.tail("--node", node, "-c", "1")), 1)
        self.assertEqual(len(self.tail("--node", node, "-o", "0")), 3)
        self.assertEqual(self.tail("--node", node, "-o", "99999999"), [])

    def tail(self, *options):
        ran = self.topics.run("tail", "--json", *options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def test_tail_lines_are_readable_and_do_not_steer_the_terminal(self):
        node = uuid.uuid4().hex[:8]
        self.submit("--type", "shell", "--code", r"printf 'one\033[31mtwo'", node=node)
        ran = self.topics.run("tail", "--node", node)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        line = [l for l in ran.stdout.splitlines() if node in l][0]
        self.assertIn("COMPLETED", line)
        self.assertIn(r"one\x1b[31mtwo", line)
        self.assertNotIn("\x1b", ran.stdout)

    def test_tail_follows_until_it_is_interrupted(self):
        node = uuid.uuid4().hex
        with cli.start(self.topics.arguments("tail", "--follow", "--json", "--node", node)) as tail:
            self.submit("--type", "shell", "--code", "echo followed", node=node)
            line = tail.stdout.readline()
            self.assertEqual(json.loads(line)["stdout"], "followed\n")
            tail.send_signal(signal.SIGINT)
            self.assertEqual(tail.wait(20), 0)

    def test_tail_ends_well_when_nobody_reads_on(self):
        self.submit("--type", "shell", "--code", ":")
        with cli.start(self.topics.arguments("tail", "--follow", "--json")) as tail:
            tail.stdout.readline()
            tail.stdout.close()
            self.assertEqual(tail.wait(20), 0)

    def test_tail_skips_what_is_no_record_and_says_so(self):
        topics = cli.Topics()
        topics.create(1)
        topics.produce("results", "k", "not a record")
        ran = topics.run("tail")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("partition 0 offset 0 skipped", ran.stderr)


class Demo(unittest.TestCase):
    def test_shows_every_sample_and_leaves_nothing(self):
        began = time.monotonic()
        ran = cli.run(["demo"], timeout=90)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertLess(time.monotonic() - began, 60)
        done, total = re.findall(r"(?m)^ *(\d+)/(\d+) ", ran.stdout)[-1]
        self.assertEqual(done, total)
        self.assertGreaterEqual(int(total), 20)
        self.assertNotIn("\x1b", ran.stdout)
        for code in ("execution.exit", "execution.signal", "execution.output", "timeout",
                     "code.security", "code.unsupported", "script.not_found", "request.malformed"):
            self.assertIn(code, ran.stdout)

    @unittest.skipIf(os.geteuid() != 0, "it already ran as an ordinary user (probe: geteuid)")
    def test_works_without_root(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            program = shutil.copy(cli.PROGRAM, directory)
            ran = subprocess.run([program, "demo"], user="nobody", group="nogroup", extra_groups=[],
                                 cwd="/", env={"PATH": os.environ["PATH"]}, timeout=90, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_takes_its_children_with_it_whatever_ends_it(self):
        for number in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(signal=number), cli.start(["demo"]) as demo:
                for line in demo.stdout:
                    if re.match(r" *1/", line):
                        break
                children = cli.descendants(demo.pid)
                self.assertGreaterEqual(len(children), 2)
                demo.send_signal(number)
                demo.wait(30)
                cli.wait_until(lambda: not [p for p in children if cli.is_alive(p)], 10,
                               "children of the demo are still there")

    def test_ignores_a_configuration_meant_for_real_brokers(self):
        environment = dict(os.environ, CODEWORKER_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
        with cli.start(["demo"], env=environment) as demo:
            for line in demo.stdout:
                if re.match(r" *1/", line):
                    break
            else:
                self.fail("no result came")
            demo.send_signal(signal.SIGINT)
            demo.wait(30)


if __name__ == "__main__":
    cli.main()
