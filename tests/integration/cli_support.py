"""What the tests of the commands share: a broker, topics of their own, the program, kcat."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

import kafka_harness

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")), "codeworker")
ROLES = ("requests", "results", "errors", "retries", "dead", "control", "state")

_broker = None


def broker_start(apart=False):
    global _broker
    if shutil.which("kcat") is None:
        raise unittest.SkipTest("kcat is not installed (probe: kcat on PATH)")
    _broker = kafka_harness.Kafka(apart)
    _broker.start()


def broker_stop():
    if _broker:
        _broker.stop()


def broker_address():
    return _broker.bootstrap


def broker():
    return _broker


def run(arguments, timeout=120, stdin="", env=None):
    return subprocess.run([PROGRAM] + list(arguments), input=stdin, text=True, timeout=timeout,
                          env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextlib.contextmanager
def start(arguments, env=None):
    """The program in the background; killed at the end if it is still there."""
    process = subprocess.Popen([PROGRAM] + list(arguments), text=True, env=env,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def wait_until(condition, seconds, complaint):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(complaint() if callable(complaint) else complaint)
        time.sleep(0.05)


def kcat(*arguments, stdin=""):
    ran = subprocess.run(["kcat", "-b", broker_address(), "-q"] + list(arguments), input=stdin,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if ran.returncode != 0:
        raise AssertionError("kcat %s: %s" % (" ".join(arguments), ran.stderr))
    return ran.stdout


class Topics:
    """Seven topic names of one test's own, and the commands that use them."""

    def __init__(self, names=None):
        prefix = uuid.uuid4().hex[:12]
        self.names = dict(names or {role: "%s.%s" % (prefix, role) for role in ROLES})

    def name(self, role):
        return self.names[role]

    def arguments(self, command, *options):
        given = [command, *options, "-b", broker_address()]
        for role in ROLES:
            given += ["--set", "topics.%s=%s" % (role, self.names[role])]
        return given

    def run(self, command, *options, **more):
        return run(self.arguments(command, *options), **more)

    def create(self, partitions):
        made = self.run("topics", "create", "--partitions", str(partitions))
        if made.returncode != 0:
            raise AssertionError("topics create: " + made.stdout + made.stderr)

    def partitions(self, role):
        listed = json.loads(kcat("-L", "-J"))
        return {t["topic"]: len(t["partitions"]) for t in listed["topics"]}.get(self.names[role], 0)

    def read(self, role):
        """All records, as kcat's JSON."""
        lines = kcat("-C", "-t", self.names[role], "-o", "beginning", "-e", "-J",
                     "-X", "isolation.level=read_committed")
        return [json.loads(line) for line in lines.splitlines()]

    def read_bytes(self, role):
        """The value of the first record."""
        ran = subprocess.run(["kcat", "-b", broker_address(), "-q", "-C", "-t", self.names[role],
                              "-o", "beginning", "-e", "-c", "1", "-D", ""],
                             stdout=subprocess.PIPE, timeout=60, check=True)
        return ran.stdout

    def produce(self, role, key, value):
        kcat("-P", "-t", self.names[role], "-k", key, "-X", "partitioner=murmur2_random", stdin=value)


class Worker:
    """`codeworker run` on some topics, until stop()."""

    def __init__(self, topics):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [PROGRAM] + topics.arguments(
                "run", "--set", "kafka.group.id=%s" % uuid.uuid4().hex[:12],
                "--set", "http.listen=off", "--set", "worker.slots=2"),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.seek(0)
        text = self.log.read()
        self.log.close()
        if self.process.returncode != 0:
            raise AssertionError("the worker exited with %d:\n%s" % (self.process.returncode, text))


def _parents():
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                with open("/proc/%s/stat" % entry) as stat:
                    fields = stat.read().rpartition(")")[2].split()
                parents[int(entry)] = (int(fields[1]), fields[0])
    return parents


def descendants(pid):
    parents, found = _parents(), [pid]
    for ancestor in found:
        found += [child for child, (parent, _) in parents.items() if parent == ancestor]
    return found[1:]


def peak_mib(pid):
    """Of its resident set, so far."""
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024


def is_alive(pid):
    return _parents().get(pid, (0, "Z"))[1] not in "ZX"


class _Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print("SKIP %s: %s" % (test, reason))


def main():
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result)
    loader, module = unittest.defaultTestLoader, sys.modules["__main__"]
    result = runner.run(loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:]
                        else loader.loadTestsFromModule(module))
    failed = len(result.failures) + len(result.errors)
    print("%d passed, %d failed, %d skipped" % (result.passed, failed, len(result.skipped)))
    sys.exit(1 if failed else 0)
