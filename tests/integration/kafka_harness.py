"""A Kafka of a test's own: scripts/kafka on free loopback ports, in a directory that goes with it."""

import atexit
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
    """start(), then .bootstrap; stop() or kill(); start() again finds the same data."""

    def __init__(self):
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
                                   "--controller-port", str(ports[1]))
            if started.returncode == 0:
                self.ports, self.bootstrap = ports, started.stdout.strip()
                return self
        raise AssertionError("scripts/kafka start, %d times:\n%s" % (ATTEMPTS, started.stderr))

    def stop(self):
        """Ends the broker in order; its data go with it when the tests end."""
        return self._must("stop")

    def kill(self):
        return self._must("kill")

    def remove(self):
        """Ends the broker however it is and removes its directory."""
        if self.directory:
            self._script("kill")
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
