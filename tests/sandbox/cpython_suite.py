#!/usr/bin/python3
"""CPython's own test suite as warm jobs: what passes bare passes in a strict sandbox, but for what is listed.

Each module runs bare, as an ordinary user in a clean environment, and then as a job forked from the warm
interpreter. Each of its tests that passed bare is to pass in the job; one that is skipped there did not. The
exceptions stand in cpython_suite.txt, and one of them that passes after all is a failure, too. What needs a
resource that the suite asks for by name (network, gui, largefile, cpu, ...) is skipped bare and so left out.

cpython_suite.py [MODULE...]: these modules, or all. What each run printed stays in BUILD/logs/cpython.
"""
import concurrent.futures
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from support import BUILD, NOBODY, Counts, Driver, Server

PYTHON = "/usr/bin/python3"
EXCEPTIONS = os.path.splitext(os.path.abspath(__file__))[0] + ".txt"
LOGS = os.path.join(BUILD, "logs", "cpython")
AT_ONCE = 2
SECONDS, LISTED_SECONDS = 300, 10	# a listed test may hang
LIMITS = {"wall_ms": SECONDS * 1000, "cpu_ms": SECONDS * 1000, "memory_bytes": 1 << 30, "processes": 256,
          "disk_bytes": 256 << 20, "open_files": 512, "output_bytes": 16 << 20}
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

# What runs, bare and as a job: main() tells the exit status and what became of each test.
PROGRAM = """
import sys
from test.libregrtest.main import Regrtest
from test.support.testresult import RegressionTestResult

outcomes = {}

def watch(method, outcome):
    inner = getattr(RegressionTestResult, method)
    def add(self, test, *rest):
        if outcomes.get(test.id(), "ok") == "ok":
            outcomes[test.id()] = outcome
        return inner(self, test, *rest)
    setattr(RegressionTestResult, method, add)

for method, outcome in (("addError", "failed"), ("addFailure", "failed"), ("addUnexpectedSuccess", "failed"),
                        ("addSkip", "skipped"), ("addSuccess", "ok"), ("addExpectedFailure", "ok")):
    watch(method, outcome)

def main():
    sys.argv[1:] = %r
    try:
        Regrtest().main()
    except SystemExit as end:
        return {"status": end.code or 0, "outcomes": outcomes}
"""
BARE = """
if __name__ == "__main__":
    import json
    with open(%r, "w") as file:
        json.dump(main(), file)
"""


class Run:
    """How a module's run ended: what became of each test, and of the process."""

    def __init__(self, value, code, ended, text=""):
        self.complete = value is not None
        self.good = self.complete and value["status"] == 0 and code == 0
        self.outcomes = value["outcomes"] if value else {}
        self.skipped = re.search(r"^test_\w+ skipped -- (.*)$", text, re.MULTILINE)
        self.ended = self.skipped[1] if self.skipped else ended

    def passed(self):
        return {test for test, outcome in self.outcomes.items() if outcome == "ok"}

    def proves_nothing(self):
        """A module may pass without a test that has a name (doctest)."""
        return not self.passed() and bool(self.outcomes or self.skipped or not self.good)


class Exceptions:
    """cpython_suite.txt: by module, patterns of its tests and the reasons."""

    def __init__(self, path):
        self.by_module = {}
        with open(path) as file:
            for line in file:
                if line.strip() and line[0] != "#":
                    self.add(*line.strip().partition(": ")[::2])

    def add(self, what, reason):
        assert reason, "no reason for " + what
        module, _, pattern = what.partition(" -")
        self.by_module.setdefault(module, {})["*." + pattern if pattern else "*"] = reason

    def of(self, module):
        return self.by_module.get(module, {})


def matching(tests, patterns):
    return {test for test in tests if any(fnmatch.fnmatchcase(test, pattern) for pattern in patterns)}


def program(module, arguments):
    return PROGRAM % (["-v", *arguments, module],)


def log_open(module, how, mode="w"):
    return open("%s/%s.%s" % (LOGS, module, how), mode, errors="backslashreplace")


def end(process):
    """With what it left in its session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run_bare(module):
    directory = tempfile.mkdtemp(prefix="cpython-suite-", dir="/tmp")
    script, value = directory + "/script.py", directory + "/value"
    command = [PYTHON, script]
    if os.geteuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
        command[:0] = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
    with open(script, "w") as file:
        file.write(program(module, []) + BARE % value)
    with log_open(module, "bare") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory,
                                   env={**ENVIRONMENT, "HOME": directory, "TMPDIR": directory},
                                   start_new_session=True)
    try:
        code = process.wait(SECONDS)
        with open(value) as file, log_open(module, "bare", "r") as output:
            return Run(json.load(file), code, "exited, %d" % code, output.read())
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        return Run(None, None, str(error))
    finally:
        end(process)
        shutil.rmtree(directory, ignore_errors=True)


class Box:
    """A thread's drivers: one runs jobs warm, one cold."""

    def __init__(self, driver):
        self.driver, self.servers = driver, {}

    def server(self, how):
        if how not in self.servers:
            options = [text for limit in LIMITS.items() for text in ("--limit", "%s=%d" % limit)]
            options += ["--cold"] if how == "cold" else []
            self.servers[how] = Server(self.driver, "root" if os.geteuid() == 0 else "nobody", *options)
        return self.servers[how]

    def run(self, module, arguments, how="warm", seconds=SECONDS, name=None):
        for _ in range(5):	# an interpreter may just be replaced
            result = self.server(how).run("python", program(module, arguments),
                                          limits={"wall_ms": seconds * 1000})
            if "error" in result or result["warm"] == (how == "warm"):
                break
        else:
            return Run(None, None, "it never ran " + how)
        if "error" in result:
            return Run(None, None, result["error"])
        text = "%s\n%s" % (result.pop("out"), result.pop("err"))
        value = result.pop("value")
        with log_open(module, name or how) as file:
            file.write("%s\n%s\n" % (text, result))
        ended = [result[key] for key in ("verdict", "exit_code", "signal", "limit", "syscall", "reason")]
        return Run(json.loads(value) if value else None, result["exit_code"],
                   ", ".join(str(word) for word in ended if word not in ("", "none", -1)), text)

    def close(self):
        for server in self.servers.values():
            server.close()


class Case:
    """One module, what was found about it, and how long it took."""

    def __init__(self, box, module, listed):
        self.box, self.module, self.listed = box, module, listed
        self.failures, self.skips, self.disturbed = [], [], []
        self.seconds = {}
        self.bare = self.timed("bare", lambda: run_bare(module))
        self.expected = self.bare.passed()
        if self.bare.proves_nothing():
            self.skips.append((module, "none of its tests passes bare: " + self.bare.ended))
        else:
            self.examine()
            self.examine_listed()

    def timed(self, what, run):
        begin = time.monotonic()
        done = run()
        self.seconds[what] = self.seconds.get(what, 0) + time.monotonic() - begin
        return done

    def run(self, how):
        """All but what is listed."""
        arguments = [word for pattern in self.listed for word in ("-i", pattern)]
        seconds = min(SECONDS, int(30 + 3 * self.seconds["bare"]))
        return self.timed(how, lambda: self.box.run(self.module, arguments, how, seconds))

    def lost(self, run):
        """What passed bare and not here. Where no test of its own failed, the module itself may have."""
        lost = self.expected - matching(self.expected, self.listed) - run.passed()
        if not lost and (not run.complete or (self.bare.good and not run.good)):
            lost.add(self.module)
        return lost

    def examine(self):
        """Twice, where it fails: the suite has tests that load disturbs."""
        run = self.run("warm")
        lost = self.lost(run)
        if not lost:
            return
        again = self.run("warm")
        still = lost & self.lost(again)
        self.disturbed = sorted(lost - still)
        cold = self.run("cold").passed() if still else ()
        for test in sorted(still):
            self.failures.append("%s: the job: %s; in a cold one it %s" % (
                test, again.ended, "passes" if test in cold else "does not pass either"))

    def run_listed(self, patterns):
        arguments = [word for pattern in patterns for word in ("-m", pattern)]
        return self.timed("listed", lambda: self.box.run(self.module, arguments, "warm", LISTED_SECONDS,
                                                         "listed"))

    def examine_listed(self):
        """All at once or, where that ends the job, one by one."""
        covered = {}
        for pattern, reason in self.listed.items():
            self.skips.append((self.module + " -" + pattern[2:] if pattern != "*" else self.module, reason))
            if not matching(self.bare.outcomes, [pattern]):
                self.failures.append("listed as %s: no such test" % pattern)
            covered[pattern] = matching(self.expected, [pattern])
        wanted = [pattern for pattern in covered if covered[pattern]]
        run = self.run_listed(wanted) if wanted else None
        for pattern in wanted:
            one = run if run.complete or len(wanted) == 1 else self.run_listed([pattern])
            for test in sorted(covered[pattern] & one.passed()):
                self.failures.append("%s: listed as %s, and passes" % (test, pattern))

    def line(self):
        word = "FAIL" if self.failures else "skip" if self.bare.proves_nothing() else "ok  "
        return "%s %-34s %4d tests%s (%s)%s" % (
            word, self.module, len(self.expected),
            ", %d exceptions" % len(self.listed) if self.listed else "",
            ", ".join("%s %.1f s" % item for item in self.seconds.items()),
            "; only the second time: " + ", ".join(self.disturbed) if self.disturbed else "")

    def count(self, counts):
        for skip in self.skips:
            counts.skip(*skip)
        if not self.bare.proves_nothing():
            counts.ok(not self.failures, self.module, "\n\t".join(["", *self.failures]))


def modules(words, exceptions, counts):
    """All, or what was asked for; none where the suite is not installed."""
    test = "import importlib.util, sys; print('libpython%d.%d-testsuite' % sys.version_info[:2], " \
        "importlib.util.find_spec('test.test_os') is not None)"
    package, found = subprocess.check_output([PYTHON, "-c", test], text=True, cwd="/").split()
    if found != "True":
        counts.skip("CPython's test suite", "it is not here: apt-get install " + package)
        return []
    known = subprocess.check_output([PYTHON, "-m", "test", "--list-tests"], text=True, cwd="/").split()
    for module in set(exceptions.by_module) - set(known):
        counts.ok(False, module, "listed, but there is no such module")
    return words or known


def run(wanted, exceptions, counts):
    thread, driver = threading.local(), Driver()
    boxes = [Box(driver)]
    why = boxes[0].server("warm").warm["python"]
    if why is not True:
        counts.ok(False, "python is warm", why)
        wanted = []

    def examine(module):
        if not hasattr(thread, "box"):
            thread.box = Box(driver)
            boxes.append(thread.box)
        return Case(thread.box, module, exceptions.of(module))

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for future in concurrent.futures.as_completed([pool.submit(examine, one) for one in wanted]):
            case = future.result()
            print(case.line(), flush=True)
            case.count(counts)
    for box in boxes:
        box.close()
    driver.close()


def main():
    counts, exceptions = Counts(), Exceptions(EXCEPTIONS)
    os.makedirs(LOGS, exist_ok=True)
    wanted = modules(sys.argv[1:], exceptions, counts)
    if wanted:
        run(wanted, exceptions, counts)
    counts.end()


if __name__ == "__main__":
    main()
