"""A Kafka of a test's own: scripts/kafka on free loopback ports, in a directory that goes with it.

And records as bytes, by kcat, which knows nothing of the worker's code: what read() returns is what any
consumer with read_committed gets, whether or not it is text.
"""

import atexit
import collections
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "kafka")
TOOLS = ("java", "mvn")
ATTEMPTS = 3

# key, value and the values of headers are bytes or None; headers are pairs, in order.
Record = collections.namedtuple("Record", "topic partition offset timestamp_ms key value headers")


def _kcat(bootstrap, *arguments, stdin=b""):
    ran = subprocess.run(["kcat", "-b", bootstrap, "-q", *arguments], input=stdin,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if ran.returncode != 0:
        raise AssertionError("kcat %s: %s" % (arguments, ran.stderr.decode(errors="replace")))
    return ran.stdout


def _bytes(text):
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _record(line):
    """kcat's JSON escapes control characters and leaves all other bytes as they are, UTF-8 or not."""
    found = json.loads(line.decode("utf-8", "surrogateescape"))
    headers = found.get("headers", [])
    return Record(found["topic"], found["partition"], found["offset"], found["ts"],
                  _bytes(found["key"]), _bytes(found["payload"]),
                  list(zip(headers[::2], map(_bytes, headers[1::2]))))


def read(bootstrap, topic):
    """Every committed record of a topic, by partition and offset."""
    lines = _kcat(bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-J",
                  "-X", "isolation.level=read_committed")
    return sorted(map(_record, lines.splitlines()), key=lambda r: (r.partition, r.offset))


def produce(bootstrap, topic, value, key=None, partition=None, headers=(), options=()):
    """One record. None makes null of a value, a key or a header's value; null keys of empty values can't
    be made."""
    options = ["-P", "-t", topic, *options]
    options += ["-p", str(partition)] if partition is not None else []
    for name, content in headers:
        options += ["-H", name.encode() + (b"" if content is None else b"=" + content)]
    if value:
        with tempfile.NamedTemporaryFile() as file:
            file.write(value)
            file.flush()
            _kcat(bootstrap, *options, *(["-k", key] if key is not None else []), file.name)
    else:  # from a file kcat makes no empty message, from a line it does
        assert value is None or key is not None
        assert b"\t" not in (key or b"") and b"\n" not in (key or b"")
        _kcat(bootstrap, *options, "-K", "\t", *(["-Z"] if value is None else []),
              stdin=(key or b"") + b"\t\n")


def free_ports(count):
    """Ports nobody listens on now, held together so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class Kafka:
    """start(), then .bootstrap; stop() or kill(); start() again finds the same data. apart: its controller
    outlives it, which a broker that is killed amid transactions needs (scripts/kafka tells why)."""

    def __init__(self, apart=False):
        self.options = ["--apart"] if apart else []
        self.directory = self.bootstrap = self.ports = None

    def start(self):
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise unittest.SkipTest("no Kafka can be started (probe: %s on PATH)" % missing[0])
        if self.directory is None:
            self.directory = tempfile.mkdtemp(prefix="codeworker-kafka-")
            atexit.register(self.remove)
        for attempt in range(ATTEMPTS):
            ports = self.ports or free_ports(2)
            started = self._script("start", "--port", str(ports[0]),
                                   "--controller-port", str(ports[1]), *self.options)
            if started.returncode == 0:
                self.ports, self.bootstrap = ports, started.stdout.strip()
                return self
        raise AssertionError("scripts/kafka start, %d times:\n%s" % (ATTEMPTS, started.stderr))

    def stop(self):
        """Ends the broker in order; its data go with it when the tests end."""
        return self._must("stop")

    def kill(self):
        return self._must("kill")

    def pid(self):
        with open(os.path.join(self.directory, "kafka.pid")) as file:
            return int(file.read())

    def signal(self, number):
        os.kill(self.pid(), number)

    def topic_set(self, topic, setting):
        """Changes a topic's configuration while it is in use."""
        self._tool("kafka.admin.ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name",
                   topic, "--add-config", setting)

    def partitions_set(self, topic, count):
        """Adds partitions to a topic while it is in use."""
        self._tool("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", topic, "--partitions",
                   str(count))

    def topic_remove(self, topic):
        self._tool("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", topic)

    def records_delete(self, topic, partition, before):
        """As retention would."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"version": 1, "partitions": [
                {"topic": topic, "partition": partition, "offset": before}]}, file)
            file.flush()
            self._tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file.name)

    def _tool(self, name, *arguments):
        with open("/proc/%s/cmdline" % self.pid()) as file:
            words = file.read().split("\0")
        jars = words[words.index("-cp") + 1]
        subprocess.run(["java", "-cp", jars, name, "--bootstrap-server", self.bootstrap, *arguments],
                       check=True, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def remove(self):
        """Ends the broker however it is and removes its directory."""
        if self.directory:
            self._script("kill", "--all")
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def _must(self, command):
        done = self._script(command)
        if done.returncode != 0:
            raise AssertionError("scripts/kafka %s: %s" % (command, done.stderr))

    def _script(self, command, *options):
        return subprocess.run([SCRIPT, command, "--dir", self.directory, *options], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=600)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()
