"""What the sandbox tests share: the driver, built against the library; who runs it; counting."""
import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
NOBODY = 65534
WARNINGS = "-Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes".split()


def packages(*names):
    return subprocess.check_output(["pkg-config", "--libs", *names], text=True).split()


def library(drop=False):
    """Builds the library (make knows what is up to date) and returns its path."""
    build = BUILD + "/drop" if drop else BUILD
    flags = ["CFLAGS=-DSANDBOX_TEST_DROP", "LAUNCHER_CFLAGS=-DSANDBOX_TEST_DROP"] if drop else []
    target = build + "/libcodesandbox.a"
    subprocess.run(["make", "-s", "-C", ROOT, "BUILD=" + build, *flags, target], check=True,
                   stdout=subprocess.DEVNULL)
    return target


class Driver:
    """tests/sandbox/driver.c in a directory that any user may enter, and a run directory of its own."""

    def __init__(self, drop=False):
        self.directory = tempfile.mkdtemp(prefix="codesandbox-test-", dir="/tmp")
        atexit.register(self.close)
        os.chmod(self.directory, 0o755)
        self.program = self.directory + "/driver"
        attacks = [ROOT + "/sandbox/attacks/" + name
                   for name in sorted(os.listdir(ROOT + "/sandbox/attacks")) if name.endswith(".c")]
        subprocess.run([os.environ.get("CC", "gcc"), "-std=gnu17", "-D_GNU_SOURCE", "-g", *WARNINGS, "-o",
                        self.program, ROOT + "/tests/sandbox/driver.c", *attacks, library(drop),
                        *packages("libseccomp", "jansson")], check=True, cwd=ROOT)
        os.chmod(self.program, 0o755)

    def command(self, user, *arguments):
        """The command line for user "root" or "nobody"; whoever is not root stays who he is."""
        run = os.path.join(self.directory, "run-" + user)
        prefix = []
        if user == "nobody" and os.geteuid() == 0:
            own = os.path.join(self.directory, "nobody")
            os.makedirs(own, exist_ok=True)
            os.chown(own, NOBODY, NOBODY)
            run = own + "/run"
            prefix = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
        return prefix + [self.program, "--run-directory", run, *arguments]

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def users():
    return ["root", "nobody"] if os.geteuid() == 0 else ["nobody"]


def lines(command, environment=None, timeout=600):
    """Runs the driver's attack mode: the launcher's pid, the self-test, the reports."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
                          timeout=timeout, env={**os.environ, **(environment or {})}, check=False)
    if done.returncode != 0:
        raise AssertionError("driver ended with %d: %s" % (done.returncode, done.stderr.strip()))
    first, self_test, *rest = [json.loads(line) for line in done.stdout.splitlines()]
    return first["launcher"], self_test, rest


class Server:
    """The driver's serve mode: jobs in, results out."""

    def __init__(self, driver, user, *options):
        self.process = subprocess.Popen(driver.command(user, *options, "serve"), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, cwd="/")
        self.launcher = json.loads(self.process.stdout.readline())["launcher"]
        self.self_test = json.loads(self.process.stdout.readline())
        self.warm = json.loads(self.process.stdout.readline())  # by type: true, or why not
        self.tag = 0

    def start(self, type, code, level="strict", **job):
        self.tag += 1
        job.update(tag=self.tag, type=type, code=code, level=level)
        self.write(job)
        return self.tag

    def write(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def result(self):
        line = self.process.stdout.readline()
        assert line, "the driver died"
        return json.loads(line)

    def run(self, type, code, level="strict", **job):
        tag = self.start(type, code, level, **job)
        result = self.result()
        assert result["tag"] == tag, "an answer to another job"
        return result

    def close(self):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.wait(30) == 0, "the driver failed"


@contextlib.contextmanager
def server(driver, user, *options):
    opened = Server(driver, user, *options)
    try:
        yield opened
    finally:
        opened.close()


def eventually(condition, seconds=10):
    """What the kernel takes apart after a process has ended takes it a moment."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


class Counts:
    """Passed, failed, skipped; the last line of each suite."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def ok(self, condition, name, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED: %s: %s" % (name, detail), flush=True)
        return condition

    def skip(self, name, why):
        self.skipped += 1
        print("skipped: %s: %s" % (name, why), flush=True)

    @contextlib.contextmanager
    def test(self, name):
        """One test: passes unless an assertion in it fails."""
        try:
            yield
        except Exception as error:  # a broken test is a failed one
            where = traceback.extract_tb(error.__traceback__)[-1].line
            self.ok(False, name, "%s %s (%s)" % (type(error).__name__, error, where))
        else:
            self.ok(True, name)

    def end(self):
        print("%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped))
        sys.exit(1 if self.failed else 0)
