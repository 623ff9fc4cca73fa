#!/usr/bin/python3
"""A caller that leases the right to run jobs: when it is stopped, they are ended without it, on time, and
none starts until it is heard of again; whoever wakes first, what ran out has run out.
"""
import os
import signal
import time

from support import Counts, Driver, eventually, server, users

LEASE_MS = 700
LONG = {"wall_ms": 60000}


def sleepers(marker):
    """Jobs' processes, by an argument that only one of them has."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open("/proc/%s/cmdline" % entry, "rb") as file:
                if entry.isdigit() and file.read() == b"sleep\0%s\0" % marker:
                    found.append(int(entry))
        except OSError:
            pass
    return found


def job(box, seconds):
    """A job that is known to run; its marker."""
    marker = b"%d" % seconds
    box.start("shell", "sleep %d" % seconds, limits=LONG)
    assert eventually(lambda: sleepers(marker)), "the job does not run"
    return marker


def stopped_caller(box):
    box.write({"lease": LEASE_MS})
    marker = job(box, 41)
    begin = time.monotonic()
    os.kill(box.process.pid, signal.SIGSTOP)
    gone = eventually(lambda: not sleepers(marker))
    waited = time.monotonic() - begin
    os.kill(box.process.pid, signal.SIGCONT)
    result = box.result()
    assert gone and waited < 5, "it ran on for %.1f s" % waited
    assert result["verdict"] == "killed", result
    assert "not heard of" in result["reason"], result


def stopped_together(box, order):
    """The caller says that it is back before or after the launcher can look."""
    box.write({"lease": LEASE_MS})
    marker = job(box, 42)
    for pid in order:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(LEASE_MS / 1000 + 0.3)
    assert sleepers(marker), "nobody could have ended it"
    box.write({"lease": 60000})
    for pid in order:
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.2)
    result = box.result()
    assert result["verdict"] == "killed" and "not heard of" in result["reason"], result
    assert not sleepers(marker), "it runs"


def caller_wakes_first(box):
    stopped_together(box, [box.process.pid, box.launcher])


def launcher_wakes_first(box):
    stopped_together(box, [box.launcher, box.process.pid])


def unleased(box):
    assert box.run("shell", "sleep 1; echo ran")["out"] == "ran\n"


def no_start_without(box):
    box.write({"lease": 1})
    time.sleep(0.1)
    result = box.run("shell", "echo ran", limits=LONG)
    assert result["verdict"] == "killed" and result["out"] is None, result
    box.write({"lease": 60000})
    result = box.run("shell", "echo ran", limits=LONG)
    assert result["out"] == "ran\n", result


def renewed(box):
    box.write({"lease": LEASE_MS})
    marker = job(box, 43)
    end = time.monotonic() + 3 * LEASE_MS / 1000
    while time.monotonic() < end:
        box.write({"lease": LEASE_MS})
        time.sleep(LEASE_MS / 4000)
    assert sleepers(marker), "it was ended though the caller was there"
    box.write({"kill": box.tag})
    assert box.result()["reason"] == ""


def main():
    counts = Counts()
    driver = Driver()
    cases = {"without a lease jobs run": unleased, "jobs of a caller that is heard of run on": renewed,
             "a stopped caller's jobs are ended": stopped_caller,
             "what ran out while both were stopped is ended, if the caller wakes first": caller_wakes_first,
             "what ran out while both were stopped is ended, if the launcher does": launcher_wakes_first,
             "nothing starts without a lease": no_start_without}
    for user in users():
        for name, case in cases.items():
            with counts.test("%s, as %s" % (name, user)), server(driver, user) as box:
                case(box)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
