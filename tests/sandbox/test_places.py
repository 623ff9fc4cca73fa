#!/usr/bin/python3
"""Where a worker is started changes nothing: beside another one, with groups of its own, in a cgroup that
was delegated to it.
"""
import glob
import os
import signal

from support import NOBODY, Counts, Driver, Server, eventually

CONTROLLERS = ("memory", "pids", "cpuacct")


def uids(box, count):
    return {int(box.run("shell", "id -u", "none")["out"]) for _ in range(count)}


def beside_another(counts, driver):
    """Jobs of two workers never share a uid, as one could then do to the other what it likes."""
    first, second = Server(driver, "root", "--slots", "2"), Server(driver, "root", "--slots", "2")
    one, other = uids(first, 6), uids(second, 6)
    counts.ok(not one & other, "two workers have uids of their own", (one, other))
    inits = {line.split()[1] for box in (first, second) for line in status(box.launcher, "Uid:")}
    counts.ok(str(NOBODY) not in inits, "no process of theirs is nobody's", inits)
    first.close()
    third = Server(driver, "root", "--slots", "2")
    counts.ok(not uids(third, 6) & other, "a third one takes the place of the first")
    third.close()
    second.close()


def status(launcher, field):
    """Of the launcher's children."""
    found = []
    with open("/proc/%d/task/%d/children" % (launcher, launcher)) as children:
        pids = children.read().split()
    for pid in pids:
        try:
            with open("/proc/%s/status" % pid) as file:
                found += [line for line in file if line.startswith(field)]
        except OSError:
            continue
    return found


class Nobody(Driver):
    """As nobody, with groups, and in a cgroup."""

    def __init__(self):
        super().__init__()
        self.groups, self.group = ["--clear-groups"], ""

    def command(self, user, *arguments):
        command = super().command(user, *arguments)
        if user == "nobody" and os.geteuid() == 0:
            command[command.index("--clear-groups")] = self.groups[0]
        join = "".join("echo 0 >%s/cgroup.procs; " % path for path in places(self.group))
        return ["/bin/sh", "-c", join + 'exec "$@"', "sh", *command] if self.group else command


class Below(Driver):
    """Started by something that sets the scene."""

    def __init__(self):
        super().__init__()
        self.scene = []

    def command(self, user, *arguments):
        return [*self.scene, *super().command(user, *arguments)]


SIGNALS = """
import ctypes, os, platform, signal, sys
if platform.machine() == "x86_64":
    for number in (32, 33):  # the C library's own: rt_sigaction(2) with SIG_IGN
        ctypes.CDLL(None).syscall(13, number, ctypes.byref((ctypes.c_long * 8)(1)), None, 8)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTTIN):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGUSR2])
os.execvp(sys.argv[1], sys.argv[1:])
"""


def below_ignored_signals(counts, driver):
    driver.scene = ["/usr/bin/python3", "-c", SIGNALS]
    box = Server(driver, "root")
    for level in box.self_test:
        out = box.run("shell", "grep SigIgn: /proc/self/status", level)["out"]
        counts.ok(out == "SigIgn:\t" + 16 * "0" + "\n", "a job at %s ignores no signal" % level, out)
        # not the shell, which blocks none by itself
        out = box.run("python", "print(open('/proc/self/status').read())", level)["out"]
        counts.ok("SigBlk:\t" + 16 * "0" in out, "a job at %s blocks no signal" % level, out)
    box.close()


def below_another_proc(counts, driver):
    """What the launcher's own /proc does not show, a sandbox's new one does."""
    driver.scene = ["unshare", "-m", "/bin/sh", "-c", 'mount -t proc -o subset=pid proc /proc && exec "$@"', "sh"]
    box = Server(driver, "root")
    out = box.run("shell", "cat /proc/cmdline /proc/keys /proc/kallsyms | wc -c")["out"]
    counts.ok(out == "0\n", "files of /proc are masked that the launcher does not see", out)
    box.close()


def below_root_that_lacks_capabilities(counts, driver):
    driver.scene = ["setpriv", "--bounding-set=-sys_chroot"]
    box = Server(driver, "root")
    for level, found in box.self_test.items():
        counts.ok(not found["available"] and "root lacks capabilities" in found["reason"],
                  "no job at %s gets root's own uid" % level, found)
    box.close()


def with_groups(counts, driver):
    driver.groups = ["--groups=10,20,30"]
    box = Server(driver, "nobody")
    for level in ("none", "restricted", "strict"):
        found = box.self_test[level]
        counts.ok(found["available"], "%s can be had by a user with groups" % level, found["reason"])
    box.close()
    driver.groups = ["--clear-groups"]


def places(group):
    return ["/sys/fs/cgroup/%s/%s" % (controller, group) for controller in CONTROLLERS]


def group_make(group):
    for path in places(group):
        os.mkdir(path)
        for name in (path, path + "/cgroup.procs", path + "/tasks"):
            os.chown(name, NOBODY, NOBODY)


def group_remove(group):
    return all(eventually(lambda path=path: gone(path)) for path in places(group))


def gone(path):
    try:
        os.rmdir(path)
    except OSError:
        return not os.path.exists(path)
    return True


LEAVE = """
import glob
for path in glob.glob("/sys/fs/cgroup/*/%s/cgroup.procs") + glob.glob("/sys/fs/cgroup/*/%s/*/cgroup.procs"):
    try:
        open(path, "w").write("0")
        print("left for", path)
    except OSError:
        pass
print(sorted({line.strip().split(":")[2] for line in open("/proc/self/cgroup")}))
"""


def in_a_delegated_group(counts, driver):
    """A job has the uid of the worker, to which the group belongs."""
    driver.group = "codeworker-test-%d" % os.getpid()
    group_make(driver.group)
    box = Server(driver, "nobody")
    for level, found in box.self_test.items():
        counts.ok("cgroup" in found["mechanisms"], "%s has a delegated cgroup" % level, found)
        for type, code in (("python", LEAVE % (driver.group, driver.group)), ("shell", "cat /proc/self/cgroup")):
            result = box.run(type, code, level)
            ended = result["verdict"] == "exited" and "left" not in result["out"]
            counts.ok(ended, "a %s job at %s stays in its cgroup" % (type, level), result)
            counts.ok("test-" not in result["out"], "and does not see where that is", result["out"])
    box.close()
    counts.ok(group_remove(driver.group), "nothing is left in the delegated cgroup")


def cleared_from_elsewhere(counts, driver):
    """The next start finds what a killed worker left, though it is in another cgroup itself."""
    driver.group = "codeworker-test-%d" % os.getpid()
    group_make(driver.group)
    box = Server(driver, "nobody")
    box.start("shell", "sleep 60")
    left = [path for place in places(driver.group) for path in glob.glob(place + "/codesandbox-*")]
    counts.ok(len(left) == 3, "a worker has its groups in its own", left)
    os.kill(box.launcher, signal.SIGKILL)
    box.process.kill()
    box.process.wait()
    box.process.stdin.close()
    box.process.stdout.close()
    group, driver.group = driver.group, ""
    Server(driver, "nobody").close()
    counts.ok(not any(map(os.path.exists, left)), "they are cleared from elsewhere", left)
    counts.ok(group_remove(group), "nothing is left in the dead worker's cgroup")


def main():
    counts = Counts()
    driver, below = Nobody(), Below()
    root = os.geteuid() == 0
    grouped = root and all(os.access("/sys/fs/cgroup/%s/cgroup.procs" % c, os.W_OK) for c in CONTROLLERS)
    for test, started_by, possible in (
            (beside_another, driver, root), (with_groups, driver, root), (in_a_delegated_group, driver, grouped),
            (cleared_from_elsewhere, driver, grouped), (below_ignored_signals, below, root),
            (below_another_proc, below, root), (below_root_that_lacks_capabilities, below, root)):
        if not possible:
            counts.skip(test.__name__, "missing here: root, and hierarchies of cgroups version 1")
            continue
        with counts.test(test.__name__):
            test(counts, started_by)
    driver.close()
    below.close()
    counts.end()


if __name__ == "__main__":
    main()
