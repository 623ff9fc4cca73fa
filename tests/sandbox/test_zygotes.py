#!/usr/bin/python3
"""Jobs that are forked from one warm interpreter share nothing, and an interpreter that dies or is worn out is
replaced, with the blame where it belongs.
"""
import functools
import glob
import json
import os
import signal
import site
import tempfile
import time

import support
from support import Counts, Driver, server, users
from test_leaks import command, descendants, place

eventually = functools.partial(support.eventually, seconds=20)  # an interpreter's start takes a while
READY = 2  # sandboxes that one slot keeps, each with an init

# What seeds itself when it is loaded, or remembers when it was.
ENTROPY = """
import random, secrets, uuid, tempfile, hashlib, time, ssl
def main():
    return {"random": random.random(), "own": random.Random().random(), "getrandbits": random.getrandbits(64),
            "shuffle": random.sample(range(10**6), 3), "uuid1": str(uuid.uuid1()), "uuid4": str(uuid.uuid4()),
            "secrets": secrets.token_hex(8), "system": random.SystemRandom().random(),
            "temporary": next(tempfile._get_candidate_names()), "file": tempfile.mkdtemp(),
            "openssl": ssl.RAND_bytes(8).hex()}
"""
# What one job changes, and the next one looks for.
CHANGES = """
import builtins, json, os, re, sys, decimal, locale, warnings, random, logging, signal, threading
builtins.mark = json.mark = os.mark = sys.mark = 1
os.environ["MARK"] = "1"
sys.path.insert(0, "/mark"); sys.modules["mark"] = sys
decimal.getcontext().prec = 3; random.seed(1); logging.getLogger("mark").setLevel(1)
warnings.filterwarnings("error"); signal.signal(signal.SIGUSR1, lambda *_: None); re.compile("mark")
sys.setrecursionlimit(77777); os.umask(0o77); open("/tmp/mark", "w").write("x"); os.putenv("MARK2", "1")
threading.stack_size(1 << 20); sys.setswitchinterval(1)
"""
LOOKS = """
import builtins, json, os, sys, decimal, warnings, logging, signal, threading
def main():
    return [hasattr(builtins, "mark"), hasattr(json, "mark"), hasattr(os, "mark"), hasattr(sys, "mark"),
            "MARK" in os.environ, "MARK2" in os.environ, "/mark" in sys.path, "mark" in sys.modules,
            decimal.getcontext().prec, "mark" in logging.root.manager.loggerDict,
            any(f[0] == "error" for f in warnings.filters), signal.getsignal(signal.SIGUSR1) == 0,
            sys.getrecursionlimit(), os.umask(0o22), os.path.exists("/tmp/mark"), threading.stack_size(),
            sys.getswitchinterval()]
"""
# Doors from a job to the interpreter that it was forked from.
DOORS = """
import ctypes, os, sys
def main():
    found = []
    if sorted(os.listdir("/proc/self/fd")) != ["0", "1", "2", "3", "4"]:  # 4: the listing itself
        found.append("descriptors " + " ".join(os.listdir("/proc/self/fd")))
    if [name for name in os.listdir("/proc") if name.isdigit()] != ["1", str(os.getpid())]:
        found.append("processes")
    if os.getppid() != 0:
        found.append("parent %d" % os.getppid())
    for line in open("/proc/self/maps"):
        if "s " in line.split()[1][3:] + " " and "w" in line.split()[1]:
            found.append("shared memory " + line)
    status = open("/proc/self/status").read()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if not name + ":\\t0000000000000000" in status:
            found.append(name)
    libc = ctypes.CDLL(None, use_errno=True)
    for value in (os.getuid(), os.getgid()):
        if value == 0:
            found.append("root")
    return found
"""


SIBLING = """
import ctypes, os, sys, time
CLONE_PARENT, SIGCHLD, SYS_clone = 0x8000, 17, 56
pid = ctypes.CDLL(None).syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
if pid == 0:
    time.sleep(60)
    os._exit(0)
print("made" if pid > 0 else "refused")
"""


# The last call that tells the launcher of itself, by the job's own hand, with something of it beside or nothing.
LEAVES = """
import ctypes, os, threading, time
%s
ctypes.CDLL(None).syscall(ctypes.c_long(231), ctypes.c_long(3), ctypes.c_long(0x4556454c))
"""
BESIDE = {"nothing": "", "a child": "if os.fork() == 0: time.sleep(60)", "a grandchild":
          "if os.fork() == 0:\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)\nos.wait()",
          "a thread": "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"}


# What is left to be done at the end, in ways that only the interpreter's own end knows.
HELD = 'import os\nf = open(os.environ["CODE_OUTPUT"], "w"); f.write("5")\n'
ENDS = {
    "a handler with records to flush": """
import logging, logging.handlers, sys
logging.getLogger().addHandler(logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout)))
logging.warning("must not be lost")
""",
    "a handler's close()": """
import logging
class Handler(logging.Handler):
    def emit(self, record): pass
    def close(self): print("closed"); super().close()
logging.getLogger().addHandler(Handler())
""",
    "a file beside an exit function": HELD + "import atexit\ndef bye(): pass\natexit.register(bye)",
    "a file beside a signal handler": HELD + "import signal\ndef bye(*a): pass\nsignal.signal(signal.SIGTERM, bye)",
    "a file beside sys.excepthook": HELD + "import sys\ndef hook(*a): pass\nsys.excepthook = hook",
    "a file that an exit function writes to": """
import atexit, os
def run():
    f = open(os.environ["CODE_OUTPUT"], "w"); f.write("5")
    atexit.register(lambda: f.write("6"))
run()
""",
    "a file among the builtins": "import builtins\n" + HELD + "builtins.kept = f; del f",
    "a file in a cycle": HELD + "class A: pass\na = A(); a.me = a; a.f = f; del f",
    "a finalizer in a module of all": "import json\nclass A:\n def __del__(self): print('gone')\njson.a = A()",
    "what was written before sys.stdout was replaced": "import sys, io\nsys.stdout.write('x'); sys.stdout = io.StringIO()",
    "what was written before sys.stderr was replaced": "import sys, io\nsys.stderr.write('x'); sys.stderr = io.StringIO()",
    "an exit code and a file": HELD + "raise SystemExit(3)",
}


def zygotes(launcher, harness="run.py"):
    """The interpreters beside the launcher: its children in its own pid namespace."""
    found = []
    own = os.readlink("/proc/%d/ns/pid" % launcher)
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                fields = file.read().rsplit(")", 1)[1].split()
            pid = int(path.split("/")[2])
            with open("/proc/%d/cmdline" % pid, "rb") as file:
                ours = b"/.codesandbox/" + harness.encode() in file.read()
            if ours and int(fields[1]) == launcher and os.readlink("/proc/%d/ns/pid" % pid) == own:
                found.append(pid)
        except OSError:
            continue
    return found


def value(result):
    assert result["verdict"] == "exited" and result["exit_code"] == 0, result
    return json.loads(result["value"])


def warm_again(box):
    return eventually(lambda: box.run("python", "pass")["warm"])


def shares_nothing(counts, box, user):
    first, second = box.run("python", ENTROPY), box.run("python", ENTROPY)
    with counts.test("two jobs of one interpreter draw different numbers, as " + user):
        a, b = value(first), value(second)
        assert first["warm"] and second["warm"]
        assert not [name for name in a if a[name] == b[name]], (a, b)
    with counts.test("what a job changes, the next one does not find, as " + user):
        before = value(box.run("python", LOOKS))
        assert box.run("python", CHANGES)["exit_code"] == 0
        after = box.run("python", LOOKS)
        assert after["warm"] and value(after) == before, (before, value(after))
    for level in ("none", "restricted", "strict"):
        with counts.test("no door leads to the interpreter, at %s as %s" % (level, user)):
            result = box.run("python", DOORS, level)
            assert result["warm"] and value(result) == [], value(result)


def runs_fresh_where_it_must(counts, box, user):
    for variable in ("LC_ALL=C", "TZ=Asia/Tokyo", "LANG=C", "MALLOC_ARENA_MAX=1"):
        with counts.test("%s, which only a start heeds, has one, as %s" % (variable, user)):
            code = "import os, time, sys\nprint(os.environ[%r], time.strftime('%%Z', time.gmtime(0)))"
            result = box.run("python", code % variable.split("=")[0], environment=[variable])
            assert not result["warm"] and result["exit_code"] == 0, result
    with counts.test("any other variable is seen by a warm one, as " + user):
        result = box.run("python", "import os; print(os.environ['A'], os.popen('echo $A').read())",
                         environment=["A=b=c"])
        assert result["warm"] and result["out"] == "b=c b=c\n\n", result


def siblings_end(counts, box, user):
    """A job can't make its parent, the interpreter, the parent of more, which that would not reap."""
    with counts.test("a job makes no children of its parent, as " + user):
        for number in range(12):
            result = box.run("python", SIBLING, ("none", "restricted", "strict")[number % 3])
            assert result["out"] == "refused\n", result
        assert box.run("python", "print(1)")["out"] == "1\n"
        inside = lambda: [pid for pid in descendants(box.process.pid) if place(pid) != place(box.launcher)]
        assert eventually(lambda: len(inside()) <= 2 * READY), [command(pid) for pid in inside()]


def leaves_nothing(counts, box, user):
    inside = lambda: [pid for pid in descendants(box.process.pid) if place(pid) != place(box.launcher)]
    for name, beside in BESIDE.items():
        for level in ("none", "restricted", "strict"):
            with counts.test("the last call with %s beside is an exit, at %s as %s" % (name, level, user)):
                result = box.run("python", LEAVES % beside, level)
                assert (result["verdict"], result["exit_code"]) == ("exited", 3), result
                code = "import os, threading, time\n%s\nraise SystemExit(4)" % beside
                result = box.run("python", code, level)
                assert (result["verdict"], result["exit_code"]) == ("exited", 4), result
                assert eventually(lambda: len(inside()) <= 2 * READY), [command(pid) for pid in inside()]


def ends_like_a_cold_one(counts, driver, box, user):
    with server(driver, user, "--cold") as cold:
        for name, code in ENDS.items():
            with counts.test("%s is not lost at the end, as %s" % (name, user)):
                there, here = cold.run("python", code), box.run("python", code)
                assert here["warm"] and not there["warm"]
                for key in ("verdict", "exit_code", "out", "err", "value"):
                    assert here[key] == there[key], (key, here[key], there[key])


def forks_end_as_forks(counts, box, user):
    """A child that outlives the job's process by a moment gives it no exit code of its own."""
    code = "import os, time\nif os.fork() == 0:\n    time.sleep(0.00%d)\nelse:\n    raise SystemExit(5)"
    with counts.test("the exit code is that of the job's own process, as " + user):
        for number in range(60):
            result = box.run("python", code % (number % 10))
            assert (result["verdict"], result["exit_code"]) == ("exited", 5), result


def replaced_when_killed(counts, box, user):
    with counts.test("a job whose interpreter is killed was killed from outside, as " + user):
        assert warm_again(box)
        box.start("python", "import time\nprint('on', flush=True)\ntime.sleep(30)")
        old = zygotes(box.launcher)
        time.sleep(0.3)
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        result = box.result()
        assert result["verdict"] == "killed_outside" and result["warm"], result
    with counts.test("others go on meanwhile, and it comes back, as " + user):
        assert box.run("python", "print(1)")["out"] == "1\n"
        assert box.run("shell", "echo 1")["out"] == "1\n"
        assert warm_again(box)
        assert not set(old) & set(zygotes(box.launcher))


def replaced_when_it_hangs(counts, box, user):
    with counts.test("an interpreter that hangs is ended with the job that it does not reap, as " + user):
        assert warm_again(box)
        box.start("python", "import time\ntime.sleep(60)", limits={"wall_ms": 500})
        old = zygotes(box.launcher)
        time.sleep(0.2)
        for pid in old:
            os.kill(pid, signal.SIGSTOP)
        begin = time.monotonic()
        result = box.result()
        assert result["verdict"] == "timeout" and time.monotonic() - begin < 15, result
        assert warm_again(box) and not set(old) & set(zygotes(box.launcher))


def replaced_when_worn(counts, driver, user):
    with server(driver, user, "--zygote-jobs", "5", "--slots", "2") as box:
        seen = set()
        with counts.test("an interpreter is replaced after so many jobs, and none fails for it, as " + user):
            for number in range(40):
                result = box.run("python", "import time; time.sleep(0.02); print(%d)" % number)
                assert result["out"] == "%d\n" % number, result
                seen |= set(zygotes(box.launcher))
            assert len(seen) >= 4, seen
        with counts.test("those replaced are gone, as " + user):
            assert eventually(lambda: len(zygotes(box.launcher)) <= 2), zygotes(box.launcher)


def job_outlives_its_interpreters_leave(counts, driver, user):
    with server(driver, user, "--zygote-jobs", "3", "--slots", "2") as box:
        with counts.test("a job ends well after its interpreter was replaced, as " + user):
            long = box.start("python", "import time\ntime.sleep(2)\nprint('done')")
            quick = [box.start("python", "pass") for _ in range(1)]
            for _ in range(12):
                result = box.result()
                if result["tag"] == long:
                    break
                quick.append(box.start("python", "pass"))
            while result["tag"] != long:
                result = box.result()
            assert result["out"] == "done\n" and result["exit_code"] == 0, result


def preload(counts, driver, user):
    with server(driver, user, "--preload", "no_such_thing") as box:
        with counts.test("a module that can't be loaded leaves the language cold, and says why, as " + user):
            assert "no_such_thing" in box.warm["python"], box.warm
            result = box.run("python", "print(1)")
            assert result["out"] == "1\n" and not result["warm"]
    with server(driver, user, "--preload", "sqlite3,wave") as box:
        with counts.test("modules of the user's are loaded beforehand, as " + user):
            result = box.run("python", "import sys; print('wave' in sys.modules, 'sqlite3' in sys.modules)")
            assert result["out"] == "True True\n" and result["warm"], result


def trial(counts, driver, user):
    """What only shows in a fork."""
    with tempfile.NamedTemporaryFile("w", prefix="codeworker_test_", suffix=".py", dir=site.getsitepackages()[0]) as file:
        file.write("import os\nos.register_at_fork(after_in_child=lambda: setattr(os, 'getcwd', None))\n")
        file.flush()
        os.chmod(file.name, 0o644)
        with server(driver, user, "--preload", os.path.basename(file.name)[:-3]) as box:
            with counts.test("a language whose jobs would fail is cold, and says why, as " + user):
                assert "TypeError" in str(box.warm["python"]), box.warm
                result = box.run("python", "print(1)")
                assert result["out"] == "1\n" and not result["warm"], result


def main():
    counts = Counts()
    driver = Driver()
    for user in users():
        with server(driver, user) as box:
            if box.warm["python"] is not True:
                counts.ok(False, "python is warm as " + user, box.warm["python"])
                continue
            counts.ok(all(box.warm["pages"][language] > 20 for language in ("python", "javascript")),
                      "what jobs touch is known beforehand, as " + user, box.warm)
            shares_nothing(counts, box, user)
            runs_fresh_where_it_must(counts, box, user)
            siblings_end(counts, box, user)
            leaves_nothing(counts, box, user)
            forks_end_as_forks(counts, box, user)
            ends_like_a_cold_one(counts, driver, box, user)
            replaced_when_killed(counts, box, user)
            replaced_when_it_hangs(counts, box, user)
        replaced_when_worn(counts, driver, user)
        job_outlives_its_interpreters_leave(counts, driver, user)
        preload(counts, driver, user)
        trial(counts, driver, user)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
