#!/usr/bin/python3
"""Once the launcher takes a job's last call for its end (sandbox/shared/leave.h), no signal brings it back.

SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19, sees to that; test_mutations leaves it out. On a kernel
without it no call is taken for the end.
"""
import platform
import sys

from support import Counts, Driver, lines, users

TIMES = 150
SECCOMP = {"x86_64": 317, "aarch64": 277}.get(platform.machine())

# Executes its arguments where seccomp(2) knows no such flag: a filter that says so, as sock_filter has it.
OLDER_KERNEL = """
import ctypes, os, struct, sys
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER, EINVAL = 38, 22, 2, 22
code = b"".join(struct.pack("HBBI", *line) for line in (
    (0x20, 0, 0, 0), (0x15, 0, 3, %d), (0x20, 0, 0, 24), (0x45, 0, 1, 1 << 5),
    (0x06, 0, 0, 0x50000 | EINVAL), (0x06, 0, 0, 0x7fff0000)))
buffer = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
prctl = ctypes.CDLL(None, use_errno=True).prctl
if os.geteuid() != 0:
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
if prctl(PR_SET_SECCOMP, FILTER, program) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
"""


def older(command):
    return [sys.executable, "-c", OLDER_KERNEL % SECCOMP, *command]


def attacked(counts, command, how):
    _, self_test, reports = lines([*command, "--times", str(TIMES), "--level", "strict", "attack",
                                   "last_call_interrupted"])
    if not counts.ok(self_test["strict"]["available"], "strict " + how, self_test["strict"]["reason"]):
        return
    if reports[0]["outcome"] == "skipped":
        counts.skip("last_call_interrupted " + how, reports[0]["detail"])
        return
    late = [report for report in reports if report["outcome"] != "stopped"]
    counts.ok(not late, "%d interrupted calls %s" % (TIMES, how), late)


def main():
    counts = Counts()
    driver = Driver()
    user = users()[0]
    for options, how in ((["--cold"], "cold"), ([], "warm")):
        command = driver.command(user, *options)
        attacked(counts, command, how)
        if SECCOMP:
            attacked(counts, older(command), "%s, before Linux 5.19" % how)
        else:
            counts.skip("before Linux 5.19", "no number of seccomp(2) for " + platform.machine())
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
