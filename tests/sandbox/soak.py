#!/usr/bin/python3
"""10,000 jobs through the warm path: what they leave behind, how launcher and interpreters grow, and what memory a
sandbox takes. soak.py [JOBS]
"""
import os
import sys
import time

from support import Counts, Driver, Server, eventually
from test_leaks import FDS_A_CELL, cgroups, descendants, descriptors, host, place, read
from test_zygotes import zygotes

SLOTS = 2
GROWTH_KIB = 1024			# what allocators may still settle by
CODES = {"python": "print(1)", "javascript": "console.log(1)"}
HARNESSES = {"python": "run.py", "javascript": "run.js"}


def kib(pid, file, name):
    for line in read("/proc/%d/%s" % (pid, file)).splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def jobs_run(box, type, count):
    waiting = 0
    for number in range(count):
        box.start(type, CODES[type])
        waiting += 1
        if waiting == SLOTS:
            assert box.result()["out"] == "1\n"
            waiting -= 1
        if sys.stderr.isatty() and number % 100 == 0:
            print("\r%s: %d of %d " % (type, number, count), end="", file=sys.stderr)
    for _ in range(waiting):
        assert box.result()["out"] == "1\n"


def places(launcher):
    return len(read("/proc/%d/mountinfo" % launcher).splitlines())


def groups(launcher):
    return sum(len(os.listdir(path)) for path in cgroups(launcher))


def state(box):
    return {"processes": len(descendants(box.process.pid)), "descriptors of the launcher": len(descriptors(box.launcher)),
            "mounts": places(box.launcher), "groups": groups(box.launcher), "host": host()}


def inside(box):
    return [pid for pid in descendants(box.process.pid) if place(pid) not in (None, place(box.launcher))]


def memory(box, type):
    """What sandboxes take, the processes' proportional shares together, in KiB."""
    jobs_run(box, type, 2 * SLOTS)
    time.sleep(1)
    idle = inside(box)
    share = sum(kib(pid, "smaps_rollup", "Pss") for pid in idle)
    each = share / max(1, len(idle) / 2)
    box.start(type, {"python": "import time; time.sleep(1)", "javascript": "setTimeout(() => 0, 1000)"}[type])
    time.sleep(0.7)
    running = max(kib(pid, "smaps_rollup", "Pss") for pid in inside(box))
    box.result()
    print("%s: proportional share of a ready sandbox %.0f KiB (init and interpreter), of a running job %d KiB" %
          (type, each, running))


def soak(counts, box, type, jobs):
    jobs_run(box, type, 200)
    time.sleep(1)			# until the pool is full
    warm = zygotes(box.launcher, HARNESSES[type])
    size = lambda: {"launcher": kib(box.launcher, "status", "VmRSS"),
                    **{"interpreter %d" % pid: kib(pid, "status", "VmRSS") for pid in warm}}
    before, sizes = state(box), size()
    begin = time.monotonic()
    jobs_run(box, type, jobs)
    print("%s: %d jobs in %.0f s" % (type, jobs, time.monotonic() - begin))
    # which sandboxes are ready just now makes a difference, but not that of so many jobs
    before["descriptors of the launcher"] += FDS_A_CELL * 2 * SLOTS
    same = eventually(lambda: all(state(box)[key] <= before[key] if key != "host" else state(box)[key] == before[key]
                                  for key in before))
    counts.ok(same, "%d jobs in %s left nothing" % (jobs, type),
              {key: (before[key], state(box)[key]) for key in before if key != "host"})
    grown = {name: size()[name] - sizes[name] for name in sizes}
    counts.ok(all(value <= GROWTH_KIB for value in grown.values()), "nothing grew with them", grown)
    print("%s: resident KiB then, growth: %s" % (type, {name: (sizes[name], grown[name]) for name in sizes}))


def main():
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    counts, driver = Counts(), Driver()
    box = Server(driver, "root" if os.geteuid() == 0 else "nobody", "--slots", str(SLOTS),
                 "--zygote-jobs", str(10 * jobs))	# one that is replaced can't be seen to grow
    for type in CODES:
        if box.warm[type] is not True:
            counts.skip(type, "it is not warm here: %s" % box.warm[type])
            continue
        memory(box, type)
        soak(counts, box, type, jobs)
    box.close()
    counts.ok(eventually(lambda: not cgroups(box.launcher)), "no group is left at the end", cgroups(box.launcher))
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
