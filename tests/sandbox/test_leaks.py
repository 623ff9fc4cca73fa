#!/usr/bin/python3
"""After 200 jobs, some of them trying to stay, nothing of them is on the host any more, and nothing has
grown in launcher and caller; after the caller's end, by SIGKILL too, nothing is left at all.
"""
import glob
import os
import signal

from support import Counts, Driver, Server, eventually, server, users

JOBS = 200
SLOTS = 4
POOL = 2 * SLOTS
FDS_A_CELL = 10
CODES = [
    ("shell", "echo x >file; echo y >/tmp/t; echo z >/dev/shm/s; sleep 60 &"),
    ("python", "import os\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0: os.execv('/bin/sleep', ['s', '60'])\n"
               "def main(i, c): return {'i': i}"),
    ("shell", "kill -SEGV $$"),
    ("python", "import ctypes; ctypes.CDLL(None).mount(0, b'/', 0, 0, 0)"),
    ("shell", "mkdir -p a/b/c; mkfifo f 2>/dev/null; ln -s / link; exit 3"),
    ("python", "import socket, time\ns = socket.socket(socket.AF_UNIX); s.bind('\\0leak'); s.listen()"),
]


def descriptors(pid):
    return os.listdir("/proc/%d/fd" % pid)


def descendants(pid):
    found = {pid}
    stats = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                text = file.read()
        except OSError:
            continue
        stats.append((int(text.split()[0]), int(text.rsplit(")", 1)[1].split()[1])))
    grew = True
    while grew:
        grew = False
        for child, parent in stats:
            if parent in found and child not in found:
                found.add(child)
                grew = True
    return found - {pid}


def cgroups(launcher):
    return glob.glob("/sys/fs/cgroup/*/codesandbox-%d-*" % launcher)


def read(path):
    with open(path) as file:
        return file.read()


def host():
    """What jobs could leave on the host."""
    return {"mounts": read("/proc/self/mountinfo"), "shm": sorted(os.listdir("/dev/shm")),
            "segments": read("/proc/sysvipc/shm").count("\n"), "queues": read("/proc/sysvipc/msg").count("\n"),
            "semaphores": read("/proc/sysvipc/sem").count("\n"),
            "abstract": read("/proc/net/unix").count("@leak")}


def jobs_run(box, count):
    """With as many at once as there are slots."""
    waiting, done = 0, 0
    for number in range(count):
        type, code = CODES[number % len(CODES)]
        box.start(type, code, ("strict", "restricted", "none")[number % 3], input='{"a": 1}',
                  limits={"wall_ms": 10000})
        waiting += 1
        if waiting == SLOTS:
            box.result()
            waiting, done = waiting - 1, done + 1
    while waiting:
        box.result()
        waiting, done = waiting - 1, done + 1
    return done


def left_by_jobs(counts, driver, user):
    before = host()
    box = Server(driver, user, "--slots", str(SLOTS))
    pid = box.process.pid
    launcher = box.launcher
    jobs_run(box, 2 * len(CODES))  # the slots' namespaces are made at first use
    counts.ok(eventually(lambda: ours_alone(pid, launcher)), "launcher and ready sandboxes alone remain, as " + user,
              [command(child) for child in descendants(pid)])
    fds = len(descriptors(pid)), len(descriptors(launcher))
    counts.ok(jobs_run(box, JOBS) == JOBS, "%d jobs ended, as %s" % (JOBS, user))
    counts.ok(eventually(lambda: ours_alone(pid, launcher)), "no process of a job is left, as " + user,
              [command(child) for child in descendants(pid)])
    # how many sandboxes are ready just now makes a difference, but not that of 200 jobs
    now = lambda: (len(descriptors(pid)), len(descriptors(launcher)))
    counts.ok(eventually(lambda: now()[0] == fds[0] and now()[1] <= fds[1] + FDS_A_CELL * POOL),
              "descriptors do not grow, as " + user, "%s, then %s" % (fds, now()))
    counts.ok(host() == before, "the host is as before while the sandbox is open, as " + user,
              [key for key in before if host()[key] != before[key]])
    box.close()
    counts.ok(eventually(lambda: not cgroups(launcher)), "no cgroup is left, as " + user, cgroups(launcher))


def place(pid):
    try:
        return os.readlink("/proc/%d/ns/pid" % pid)
    except OSError:
        return None


def ours_alone(pid, launcher):
    """The launcher, warm interpreters beside it, and as many ready sandboxes of two processes each as the
    pool is to hold: what a job left would be one more, or have a name of its own."""
    below = descendants(pid)
    inside = [child for child in below if place(child) != place(launcher)]
    return len(inside) <= 2 * POOL and all(
        b"launcher" in command(child) or b"/.codesandbox/run." in command(child) for child in below)


def run_directory(driver, user):
    path = driver.command(user)[driver.command(user).index("--run-directory") + 1]
    return os.listdir(path) if os.path.isdir(path) else []


def left_after_death(counts, driver, user):
    """The caller dies by SIGKILL with jobs running: they die within a second."""
    before = host()
    box = Server(driver, user, "--slots", str(SLOTS))
    for _ in range(4):
        box.start("shell", "sleep 60 & sleep 60")
    eventually(lambda: sum(b"sleep" in command(pid) for pid in descendants(box.process.pid)) >= 8)
    below = descendants(box.process.pid)
    counts.ok(sum(b"sleep" in command(pid) for pid in below) >= 8, "four jobs run, as " + user, below)
    box.process.send_signal(signal.SIGKILL)
    box.process.wait()
    box.process.stdin.close()
    box.process.stdout.close()
    counts.ok(eventually(lambda: not any(alive(pid) for pid in below), 1),
              "a second after the caller's SIGKILL its jobs are dead, as " + user,
              [pid for pid in below if alive(pid)])
    next_one = Server(driver, user)
    next_one.run("shell", "true")
    next_one.close()
    counts.ok(eventually(lambda: not cgroups(box.launcher)), "the next start clears its cgroups, as " + user,
              cgroups(box.launcher))
    counts.ok(run_directory(driver, user) == [], "and the run directory, as " + user,
              run_directory(driver, user))
    counts.ok(host() == before, "the host is as before, as " + user)


def memory_holds(pid, text):
    """Whether a process has the text anywhere in its memory."""
    try:
        with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
            for line in maps:
                (start, end), rights = [int(at, 16) for at in line.split()[0].split("-")], line.split()[1]
                if rights[0] == "r" and end - start < 1 << 28 and "[v" not in line:
                    memory.seek(start)
                    if text in memory.read(end - start):
                        return True
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended
    return False


def secrets_stay(counts, driver, user):
    """The launcher passes code on, and what it forks then is to know nothing of it."""
    with server(driver, user) as box:
        with counts.test("sandboxes are born without other jobs' code, as " + user):
            marks = ["mark-%d-%s" % (i, os.urandom(8).hex()) for i in range(8)]
            for mark in marks:
                box.run("shell", "echo '%s'" % mark)
            assert memory_holds(box.launcher, marks[-1].encode()), "it is not in the launcher either"
            eventually(lambda: len(descendants(box.launcher)) >= 4)
            for pid in descendants(box.launcher):
                found = [mark for mark in marks if memory_holds(pid, mark.encode())]
                assert not found, "%s of %s" % (found, command(pid))


def command(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read()
    except OSError:
        return b""


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def main():
    counts = Counts()
    driver = Driver()
    for user in users():
        left_by_jobs(counts, driver, user)
        counts.ok(run_directory(driver, user) == [], "the run directory is empty, as " + user,
                  run_directory(driver, user))
        left_after_death(counts, driver, user)
        secrets_stay(counts, driver, user)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
