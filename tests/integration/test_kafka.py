#!/usr/bin/python3
"""scripts/kafka: brokers that keep their data, stand side by side and end when told; records as bytes."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
import kafka_harness


def script(*arguments):
    return subprocess.run([kafka_harness.SCRIPT, *arguments], text=True, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def java_of(directory):
    """The processes whose command line names the directory's settings."""
    name = os.fsencode(os.path.join(directory, "server.properties"))
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as command:
                if name in command.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            continue
    return found


class Scripts(unittest.TestCase):
    def setUp(self):
        self.broker = kafka_harness.Kafka().start()
        self.addCleanup(self.broker.remove)

    def kcat(self, *arguments, stdin=""):
        ran = subprocess.run(["kcat", "-b", self.broker.bootstrap, "-q", *arguments], input=stdin,
                             stdout=subprocess.PIPE, text=True, timeout=60, check=True)
        return ran.stdout

    def read(self, topic):
        return self.kcat("-C", "-t", topic, "-o", "beginning", "-e")

    def test_data_outlives_a_kill_and_a_stop(self):
        made = cli.run(["topics", "create", "-b", self.broker.bootstrap])
        self.assertEqual(made.returncode, 0, made.stderr)
        for end in (self.broker.kill, self.broker.stop):
            self.kcat("-P", "-t", "code.dead", stdin="before %s\n" % end.__name__)
            end()
            self.assertEqual(java_of(self.broker.directory), [])
            self.broker.start()
        self.assertEqual(sorted(self.read("code.dead").splitlines()), ["before kill", "before stop"])

    def test_a_second_one_stands_beside_it_and_a_taken_port_is_named(self):
        with kafka_harness.Kafka() as other:
            self.assertNotEqual(other.bootstrap, self.broker.bootstrap)
            self.assertEqual(len(java_of(other.directory)), 1)
            beside = other.directory + "/third"
            taken = script("start", "--dir", beside, "--port", str(self.broker.ports[0]))
            self.assertEqual(taken.returncode, 1)
            self.assertIn("port %d of 127.0.0.1 is taken" % self.broker.ports[0], taken.stderr)
            self.assertIn("--port", taken.stderr)
            directory = other.directory
        self.assertEqual(java_of(directory), [])
        self.assertEqual(len(java_of(self.broker.directory)), 1)

    def test_records_come_back_byte_for_byte(self):
        self.assertEqual(cli.run(["topics", "create", "-b", self.broker.bootstrap,
                                  "--partitions", "3"]).returncode, 0)
        every = bytes(range(256))
        sent = [(every, b"key", 2, [("h", every[1:]), ("h", b""), ("null", None)]),
                (b"\xff\xfe", every[1:], 0, []), (None, None, 0, []), (b"", b"k", 0, []),
                ("\u2028\u00e9\n\"\\".encode(), b"k", 0, [("n\u00e9", b"a,b=c")])]
        for value, key, partition, headers in sent:
            kafka_harness.produce(self.broker.bootstrap, "code.dead", value, key, partition, headers)
        found = kafka_harness.read(self.broker.bootstrap, "code.dead")
        self.assertEqual([(r.value, r.key, r.partition, r.headers) for r in found], sent[1:] + sent[:1])
        self.assertEqual([r.offset for r in found], [0, 1, 2, 3, 0])

    def test_a_start_that_is_interrupted_leaves_no_broker(self):
        self.broker.stop()
        started = subprocess.Popen([kafka_harness.SCRIPT, "start", "--dir", self.broker.directory],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            cli.wait_until(lambda: java_of(self.broker.directory), 30, "no Java came up")
        finally:
            started.terminate()
            self.assertEqual(started.wait(30), 143)
        self.assertEqual(java_of(self.broker.directory), [])
        self.broker.start()

    def test_a_stale_pid_file_harms_nobody(self):
        self.broker.stop()
        bystander = subprocess.Popen(["sleep", "60"])
        try:
            with open(self.broker.directory + "/kafka.pid", "w") as pid:
                pid.write("%d\n" % bystander.pid)
            self.assertEqual(script("kill", "--dir", self.broker.directory).returncode, 0)
            self.assertIsNone(bystander.poll())
            self.assertEqual(script("status", "--dir", self.broker.directory).returncode, 1)
        finally:
            bystander.kill()
            bystander.wait()


if __name__ == "__main__":
    cli.main()
