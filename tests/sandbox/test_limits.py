#!/usr/bin/python3
"""Each limit ends a job with its own verdict, value and peak; what stays below a limit is left alone."""
import time

from support import Counts, Driver, server, users

MIB = 1 << 20
LEVELS = ("none", "restricted", "strict")
TAKE = "data = b'x' * (%d << 20)\n"
FILE = "f = open('f', 'wb', 0)\nfor _ in range(%d): f.write(b'x' * (1 << 20))\n"


def limited(result, limit, value):
    assert result["verdict"] == "limit", (result["verdict"], result["reason"], result["err"])
    assert result["limit"] == limit, result["limit"]
    assert result["limit_value"] == value, result["limit_value"]
    assert result["limit_peak"] >= value * 0.9, result["limit_peak"]
    assert result["value"] is None


def exited(result, code=0):
    assert result["verdict"] == "exited", (result["verdict"], result["limit"], result["reason"])
    assert result["exit_code"] == code, (result["exit_code"], result["err"])


def counted(result):
    return "cgroup" in result["mechanisms"]


def wall(box, level):
    result = box.run("shell", "echo before; sleep 5; echo after", level, limits={"wall_ms": 300})
    assert result["verdict"] == "timeout" and result["out"] == "before\n", result
    assert result["limit_value"] == 300 and 300 <= result["wall_ms"] < 2000, result["wall_ms"]
    exited(box.run("shell", "sleep 0.2", level, limits={"wall_ms": 2000}))


def cpu(box, level):
    limited(box.run("python", "while True: pass", level, limits={"cpu_ms": 300}), "cpu", 300)
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    result = box.run("python", spin, level, limits={"cpu_ms": 2000})
    exited(result)
    assert 280 <= result["cpu_ms"] < 1000, result["cpu_ms"]


def cpu_of_all_processes(box, level):
    spin = "\nimport os, time\nfor _ in range(20):\n p = os.fork()\n if p == 0:\n" \
        "  while time.process_time() < 0.1: pass\n  os._exit(0)\n os.waitpid(p, 0)\n"
    limited(box.run("python", spin, level, limits={"cpu_ms": 500}), "cpu", 500)


def memory(box, level):
    result = box.run("python", TAKE % 200, level, limits={"memory_bytes": 64 * MIB})
    if counted(result):
        limited(result, "memory", 64 * MIB)
        assert not result["sampled"]
    else:
        assert result["verdict"] == "limit" and result["sampled"] or result["exit_code"] == 1, result
    result = box.run("python", TAKE % 40, level, limits={"memory_bytes": 64 * MIB})
    exited(result)
    if counted(result):
        assert 40 * MIB < result["memory_peak_bytes"] < 64 * MIB, result["memory_peak_bytes"]


def memory_survived(box, level):
    """A child is killed, its parent copes and exits with 0: the job succeeded."""
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', %r])\nprint('coped')" % (TAKE % 200)
    result = box.run("python", code, level, limits={"memory_bytes": 64 * MIB})
    if counted(result):
        exited(result)
        assert result["out"] == "coped\n"


def files_are_not_memory(box, level):
    """Files count as disk, and a peak of memory does not contain them."""
    result = box.run("python", FILE % 50, level, limits={"memory_bytes": 32 * MIB, "disk_bytes": 60 * MIB})
    exited(result)
    if counted(result):
        assert result["memory_peak_bytes"] < 20 * MIB, result["memory_peak_bytes"]


def disk(box, level):
    limited(box.run("python", FILE % 20, level, limits={"disk_bytes": 8 * MIB}), "disk", 8 * MIB)
    exited(box.run("python", FILE % 7, level, limits={"disk_bytes": 8 * MIB}))
    coped = "try:\n f = open('f', 'wb', 0)\n while True: f.write(b'x' * 65536)\n" \
        "except OSError: print('coped')"
    result = box.run("python", coped, level, limits={"disk_bytes": 8 * MIB})
    exited(result)
    assert result["out"] == "coped\n"


def disk_of_every_directory(box, level):
    for directory in ("/tmp", "/dev/shm", "/job/work"):
        code = "open('%s/f', 'wb').write(b'x' * (20 << 20))" % directory
        limited(box.run("python", code, level, limits={"disk_bytes": 8 * MIB}), "disk", 8 * MIB)


def number_of_files(box, level):
    code = "for i in range(10000): open(str(i), 'w')"
    limited(box.run("python", code, level, limits={"disk_bytes": 4 * MIB}), "disk", 4 * MIB)


def processes(box, level):
    code = "import os, time\nfor _ in range(30):\n if os.fork() == 0:\n  time.sleep(2)\n  os._exit(0)\n"
    result = box.run("python", code, level, limits={"processes": 10})
    if counted(result):
        limited(result, "processes", 10)
    else:
        assert result["exit_code"] == 1 or result["limit"] == "processes", result
    few = code.replace("range(30)", "range(7)").replace("sleep(2)", "sleep(0.2)")
    result = box.run("python", few + "time.sleep(0.1)", level, limits={"processes": 10})
    exited(result)
    assert result["processes_peak"] == 8 or not counted(result), result["processes_peak"]


def threads(box, level):
    code = "import threading, time\nfor _ in range(30): " \
        "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()"
    result = box.run("python", code, level, limits={"processes": 10})
    assert result["limit"] == "processes" or (not counted(result) and result["exit_code"] == 1), result


def output(box, level):
    """Streams are cut and flagged and the job goes on; a value too long fails it."""
    code = "head -c 100000 /dev/zero | tr '\\0' o; head -c 100000 /dev/zero | tr '\\0' e >&2; echo x >done"
    result = box.run("shell", code + "; exit 7", level, limits={"output_bytes": 1000})
    exited(result, 7)
    assert result["out"] == "o" * 1000 and result["out_truncated"]
    assert result["err"] == "e" * 1000 and result["err_truncated"]
    result = box.run("shell", "printf %1000s x", level, limits={"output_bytes": 1000})
    exited(result)
    assert len(result["out"]) == 1000 and not result["out_truncated"]


def a_flood_does_not_hold_up_the_caller(box, level):
    code = "import os\nb = b'x' * (1 << 20)\nfor fd in (1, 2, 1, 2):\n if os.fork() == 0:\n" \
        "  while True: os.write(fd, b)\nimport time; time.sleep(20)"
    tag = box.start("python", code, level, limits={"wall_ms": 6000})
    time.sleep(0.5)
    box.write({"kill": tag})
    result = box.result()
    assert result["verdict"] == "killed", (result["verdict"], result["wall_ms"])


def output_of_the_value(box, level):
    for type, code in (("python", "def main(): return 'x' * %d"),
                       ("javascript", "module.exports = () => 'x'.repeat(%d)"),
                       ("shell", "printf '\"%%0*d\"' %d 0 >$CODE_OUTPUT")):
        limited(box.run(type, code % 2000, level, limits={"output_bytes": 1000}), "output", 1000)
        result = box.run(type, code % 998, level, limits={"output_bytes": 1000})
        exited(result)
        assert len(result["value"]) == 1000, (type, len(result["value"]))


def open_files(box, level):
    code = "import sys\nheld = []\ntry:\n while len(held) < 1000: held.append(open('/dev/null'))\n" \
        "except OSError: pass\nprint(len(held))"
    result = box.run("python", code, level, limits={"open_files": 50})
    exited(result)
    assert 40 <= int(result["out"]) < 50, result["out"]


def requests_only_tighten(box, level):
    result = box.run("shell", "true", level, limits={"wall_ms": 10 ** 12, "memory_bytes": 1 << 50,
                                                     "processes": 10 ** 6, "cpu_ms": 1234})
    assert result["limits"]["processes"] == 64 and result["limits"]["memory_bytes"] == 256 * MIB, result
    assert result["limits"]["cpu_ms"] == 1234


def a_job_counts_nothing_of_those_before(box, level):
    """Their groups are used again."""
    for code in (TAKE % 40, FILE % 20, "import time\nwhile time.process_time() < 0.5: pass",
                 "import subprocess\nrunning = [subprocess.Popen(['/bin/sleep', '0.1']) for _ in range(8)]\n"
                 "for one in running: one.wait()", "import os\nos.kill(os.getpid(), 9)"):
        for _ in range(2):
            box.run("python", code, level)
        for _ in range(10):
            result = box.run("shell", "true", level)
            exited(result)
            if counted(result):
                seen = [result[name] for name in ("cpu_ms", "memory_peak_bytes", "processes_peak")]
                assert seen[0] < 250 and seen[1] < 4 * MIB and seen[2] == 1, "%s after %r" % (seen, code)


def signals_are_no_limits(box, level):
    result = box.run("shell", "kill -KILL $$", level)
    assert (result["verdict"], result["signal"]) == ("signaled", "SIGKILL"), result
    result = box.run("shell", "kill -SYS $$", level)
    assert (result["verdict"], result["signal"]) == ("signaled", "SIGSYS"), result
    result = box.run("python", "import os; os.abort()", level)
    assert (result["verdict"], result["signal"]) == ("signaled", "SIGABRT"), result


def calls_of_the_kill_tier_are_named(box, level):
    if level == "none":
        return
    code = "import ctypes\nctypes.CDLL(None).mount(b'a', b'/job/work', b'tmpfs', 0, None)"
    result = box.run("python", code, level)
    assert (result["verdict"], result["syscall"]) == ("violation", "mount"), result


TESTS = [wall, cpu, cpu_of_all_processes, memory, memory_survived, files_are_not_memory, disk,
         disk_of_every_directory, number_of_files, processes, threads, output, output_of_the_value,
         a_flood_does_not_hold_up_the_caller,
         open_files, requests_only_tighten, a_job_counts_nothing_of_those_before, signals_are_no_limits,
         calls_of_the_kill_tier_are_named]


def main():
    counts = Counts()
    driver = Driver()
    runs = [(user, options) for user in users() for options in ([], ["--no-cgroup"])
            if not (user == "nobody" and options)]
    for user, options in runs:
        with server(driver, user, *options) as box:
            for level in LEVELS:
                for test in TESTS:
                    name = "%s at %s as %s %s" % (test.__name__, level, user, " ".join(options))
                    if not box.self_test[level]["available"]:
                        counts.skip(name, box.self_test[level]["reason"])
                        continue
                    with counts.test(name):
                        test(box, level)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
