#!/usr/bin/python3
"""Messages that are no text, on the real broker: each is told, kept byte for byte, and holds nobody up."""

import json
import os
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
import kafka_harness
from delivery_support import Worker, committed, end_offset

EVERY = bytes(range(256))
GOOD = json.dumps({"threadId": "t", "nodeId": "n", "executionId": "good", "scriptType": "shell",
                   "code": "echo good"}).encode()
BAD = GOOD.replace(b'"good"', b'"bad"')

# name: (value, key, headers)
MESSAGES = {
    "every byte": (EVERY, b"t:n", [("every", EVERY[1:]), ("empty", b""), ("null", None)]),
    "a null value": (None, b"t:n", [("h", b"1"), ("g", b"2"), ("h", b"3")]),
    "an empty value": (b"", b"t:n", []),
    "a null key": (b"\x00", None, []),
    "a null key and a null value": (None, None, []),
    "a key that is no UTF-8": (b"no json", b"\xff\xfe\x80", []),
    "NUL bytes in a string": (BAD.replace(b"echo", b"ec\\u0000ho"), b"t:n", []),
    "a byte-order mark": (b"\xef\xbb\xbf" + BAD, b"t:n", []),
    "invalid UTF-8 in JSON": (BAD.replace(b"echo", b"ec\xc3ho"), b"t:n", []),
    "bytes after the JSON": (BAD + b"x", b"t:n", []),
    "a field given twice": (b'{"threadId":"a",' + BAD[1:], b"t:n", []),
    "deep nesting": (b'{"input":' + b"[" * 20000 + b"]" * 20000 + b"}", b"t:n", []),
    "an Avro marker alone": (b"\xc3\x01", b"t:n", []),
    "an unknown fingerprint": (b"\xc3\x01" + EVERY[8:16] + EVERY, b"t:n", []),
    "a Confluent marker alone": (b"\x00\x00\x00", b"t:n", []),
}


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class Bytes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """All messages on one partition, a good request behind them, and what came of it all."""
        cls.topics = cli.Topics()
        cls.topics.create(2)
        for value, key, headers in MESSAGES.values():
            kafka_harness.produce(cli.broker_address(), cls.topics.name("requests"), value, key, 1, headers)
        kafka_harness.produce(cli.broker_address(), cls.topics.name("requests"), GOOD, b"t:n", 1)
        with Worker(cls.topics) as worker:
            cli.wait_until(lambda: "good" in cls.executions() or worker.process.poll() is not None, 60,
                           "the good request behind them got no result")
            cls.status, cls.log = worker.end(), worker.text()
        cls.group = worker.group
        cls.dead, cls.errors = cls.read("dead"), cls.read("errors")

    @classmethod
    def read(cls, role):
        return kafka_harness.read(cli.broker_address(), cls.topics.name(role))

    @classmethod
    def executions(cls):
        return {json.loads(record.value)["executionId"]: record for record in cls.read("results")}

    def dead_of(self, offset):
        return [letter for letter in self.dead
                if ("__dlq.errors.offset", b"%d" % offset) in letter.headers]

    def test_each_is_kept_byte_for_byte_with_its_headers_in_order(self):
        for offset, (name, (value, key, headers)) in enumerate(MESSAGES.items()):
            with self.subTest(name):
                letter, = self.dead_of(offset)
                self.assertEqual((letter.value, letter.key), (value, key))
                self.assertEqual(letter.headers[:len(headers)], headers)
                ours = letter.headers[len(headers):]
                self.assertTrue(all(name.startswith("__dlq.errors.") for name, _ in ours), ours)
                self.assertEqual(dict(ours)["__dlq.errors.partition"], b"1")
                self.assertTrue(dict(ours)["__dlq.errors.message"])

    def test_each_is_told_once_under_its_own_key(self):
        self.assertEqual(len(self.errors), len(MESSAGES))
        for offset, (name, (_, key, _)) in enumerate(MESSAGES.items()):
            with self.subTest(name):
                found = [r for r in self.errors if json.loads(r.value)["source"]["offset"] == offset]
                self.assertEqual([r.key for r in found], [key])
                event = json.loads(found[0].value)
                self.assertEqual((event["error"]["code"], event["attempt"], event["final"]),
                                 ("request.malformed", 1, True))
                self.assertIn(event["executionId"],
                              ("bad", "%s-1-%d" % (self.topics.name("requests"), offset)))

    def test_the_request_behind_them_is_run(self):
        result = json.loads(self.executions()["good"].value)
        self.assertEqual((result["status"], result["stdout"]), ("COMPLETED", "good\n"), self.log)

    def test_all_of_it_is_committed_and_the_worker_ends_well(self):
        topic = self.topics.name("requests")
        self.assertEqual(self.status, 0, self.log)
        self.assertEqual(committed(self.group, topic, 1), end_offset(topic, 1))


class Harmless(unittest.TestCase):
    def test_an_unreadable_avro_length_takes_no_memory(self):
        """A string of 2^62 bytes is announced behind a known fingerprint: nobody allocates it."""
        topics = cli.Topics()
        topics.create(1)
        made = topics.run("submit", "--thread", "t", "--node", "n", "--type", "shell", "--code", ":",
                          "--execution-id", "real", "--encoding", "avro")
        self.assertEqual(made.returncode, 0, made.stderr)
        topic = topics.name("requests")
        real, = kafka_harness.read(cli.broker_address(), topic)
        huge = real.value[:10] + b"\xfe" + b"\xff" * 8 + b"\x7f"
        self.assertEqual(struct.unpack("<2sQ", real.value[:10])[0], b"\xc3\x01")
        kafka_harness.produce(cli.broker_address(), topic, huge, b"t:n", 0)
        with Worker(topics) as worker:
            cli.wait_until(lambda: kafka_harness.read(cli.broker_address(), topics.name("dead")), 60,
                           "no dead letter came")
            peak = cli.peak_mib(worker.process.pid)
            self.assertEqual(worker.end(), 0)
        letter, = kafka_harness.read(cli.broker_address(), topics.name("dead"))
        self.assertEqual((letter.value, letter.key), (huge, b"t:n"))
        self.assertLess(peak, 128)

    def test_many_dead_letters_that_a_topic_refuses_take_seconds(self):
        topics, count = cli.Topics(), 12
        topics.create(1)
        with Worker(topics) as worker:
            worker.wait_log("partitions assigned")
            cli._broker.topic_set(topics.name("dead"), "max.message.bytes=20000")
            begin = time.monotonic()
            for i in range(count):
                kafka_harness.produce(cli.broker_address(), topics.name("requests"), b"x" * 30000,
                                      b"k%d" % i, 0)
            cli.wait_until(lambda: len(kafka_harness.read(
                cli.broker_address(), topics.name("dead"))) == count, 100, "dead letters are missing")
            self.assertLess(time.monotonic() - begin, 20)
            self.assertEqual(worker.end(), 0)
        for letter in kafka_harness.read(cli.broker_address(), topics.name("dead")):
            self.assertIsNone(letter.value)
            self.assertEqual(dict(letter.headers)["codeworker-dead-value"], b"omitted")


class Largest(unittest.TestCase):
    """Requests than which their topic takes none larger by a byte."""

    HEADERS = [("every", EVERY[1:] * 100), ("codeworker-attempt", b"7"), ("null", None), ("every", b""),
               ("__dlq.errors.topic", b"forged"), ("last", b"\xff")]
    KEY = b"\xff\xfe no UTF-8"

    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(1)

    def produce_largest(self, value_of, most=1048588):
        """value_of(n): a value of so many bytes. Returns the largest that was taken; most: Kafka's default."""
        size = most - 61
        while True:
            size -= 1
            value = value_of(size - sum(len(name) + len(value or b"") for name, value in self.HEADERS))
            try:
                kafka_harness.produce(cli.broker_address(), self.topics.name("requests"), value, self.KEY, 0,
                                      self.HEADERS, ["-X", "message.max.bytes=%d" % (2 * most)])
                return value
            except AssertionError:
                if size < most - 61 - 200:	# what a record has besides
                    raise

    def read_one(self, role, ours):
        """The one record of this topic: the request's key and headers, then ours; returns its value."""
        record, = kafka_harness.read(cli.broker_address(), self.topics.name(role))
        count = len(self.HEADERS)
        self.assertEqual((record.key, record.headers[:count]), (self.KEY, self.HEADERS))
        self.assertEqual({name.startswith(ours) for name, _ in record.headers[count:]}, {True})
        return record.value

    def wait_dead(self):
        with Worker(self.topics) as worker:
            cli.wait_until(lambda: kafka_harness.read(cli.broker_address(), self.topics.name("dead")), 60,
                           "no dead letter came")
            self.assertEqual(worker.end(), 0)

    def test_one_that_fails_twice_goes_through_retries_and_to_the_dead_letters_as_it_is(self):
        head = (b' {"threadId" :"t","nodeId":"n", "executionId":"x","scriptType":"shell","retries":1,'
                b'"retryDelayMs":10,"code":"exit \\u0033", "other":[1.0 ,1e2],"input":"\xc3\xa9')
        value = self.produce_largest(lambda size: head + b"y" * (size - len(head) - 4) + b'" }\n')
        self.wait_dead()
        self.assertEqual(self.read_one("retries", "codeworker-"), value)
        self.assertEqual(self.read_one("dead", "__dlq.errors."), value)
        result, = kafka_harness.read(cli.broker_address(), self.topics.name("results"))
        found = json.loads(result.value)
        self.assertEqual((found["status"], found["attempt"], found["exitCode"]), ("FAILED", 2, 3))

    def test_one_that_is_malformed_goes_to_the_dead_letters_as_it_is(self):
        value = self.produce_largest(lambda size: (EVERY * 4096)[:size])
        self.wait_dead()
        self.assertEqual(self.read_one("dead", "__dlq.errors."), value)


if __name__ == "__main__":
    cli.main()
