#!/usr/bin/python3
"""Each mechanism holds a door that nothing else holds: in a build that leaves it out, an attack gets
through. One whose absence makes the sandbox refuse to run jobs at all fails closed, and counts.
"""
import glob
import os
import re
import signal
import time

from support import ROOT, Counts, Driver, lines, users

# mechanism: (who runs it: any, or what only one of them has; driver's options; attacks)
MUTATIONS = {
    "pid_namespace": ("any", [], ["see_processes", "count_processes", "signal_worker", "orphan_daemon",
                                  "orphan_javascript"]),
    "mount_namespace": ("any", [], ["read_host_file", "climb_out", "read_passwords", "devices"]),
    "mount_readonly": ("any", [], ["touch_host_file"]),
    "network_namespace": ("any", [], ["see_sockets", "see_interfaces"]),
    "ipc_namespace": ("any", [], ["see_segments"]),
    "uts_namespace": ("any", [], ["see_host_name"]),
    "identity": ("root", [], ["runs_as_worker", "read_secret"]),
    "capabilities": ("nobody", [], ["capabilities"]),
    "no_new_privs": ("any", [], ["setuid_programs"]),
    "landlock": ("nobody", [], ["oom_rank"]),
    "seccomp": ("any", [], ["own_user_namespace", "keyring", "ring", "call_i386", "socket_families",
                            "load_bpf", "shared_segment", "watch_shared_files", "terminal_input"]),
    "seccomp_wait": ("cgroup", ["--times", "150", "--level", "strict"], ["last_call_interrupted"]),
    "rlimit_core": ("any", [], ["core_dump"]),
    "rlimit_nofile": ("any", [], ["descriptors_fill"]),
    "rlimit_data": ("any", ["--no-cgroup"], ["memory_reserve"]),
    "tmpfs_size": ("any", [], ["disk_fill", "disk_fill_shm"]),
    "tmpfs_inodes": ("any", [], ["inodes_fill"]),
    "proc_mask": ("any", [], ["machine_secrets"]),
    "fd_close": ("any", [], ["inherited_descriptors", "inherited_sockets"]),
    "cgroup": ("cgroup", [], ["memory_private", "fork_bomb"]),
    "cgroup_memory": ("cgroup", [], ["memory_private", "memory_shared", "memory_memfd"]),
    "cgroup_pids": ("cgroup", [], ["fork_bomb", "thread_bomb"]),
    "cpu_timer": ("any", [], ["cpu_relay"]),
    "wall_timer": ("any", [], ["wall_sleep", "wall_deaf"]),
    "value_nofollow": ("any", [], ["output_link"]),
    "environment_filter": ("any", [], ["environment_loader"]),
}


def droppable():
    """The names that the sources themselves know."""
    names = set()
    for directory, _, files in os.walk(ROOT + "/sandbox"):
        for file in files:
            if file.endswith((".c", ".h")):
                with open(os.path.join(directory, file), encoding="utf-8") as text:
                    names.update(re.findall(r'DROPPED(?:_HERE)?\([^)]*?"(\w+)"\)', text.read()))
    return names | {"network_namespace", "ipc_namespace", "uts_namespace"}


def judge(self_test, reports):
    through = [r for r in reports if r["outcome"] == "got through"]
    if through:
        return True, "%s at %s (%s)" % (through[0]["name"], through[0]["level"], through[0]["detail"])
    refused = [level for level, found in self_test.items() if not found["available"]]
    ran = [r for r in reports if r["outcome"] != "skipped"]
    if all("sandbox failed" in r["detail"] for r in ran):
        why = self_test[refused[0]]["reason"] if refused else ran[0]["detail"] if ran else ""
        return bool(why), "fails closed: " + why
    return False, "nothing got through: " + "; ".join(r["detail"] for r in ran)


def clear(launcher):
    """A sandbox without its walls leaves things behind: ends what is in its groups, then removes them."""
    groups = "/sys/fs/cgroup/*/codesandbox-%d-*" % launcher
    for path in glob.glob(groups + "/*/cgroup.procs"):
        with open(path) as processes:
            for pid in processes.read().split():
                os.kill(int(pid), signal.SIGKILL)
    end = time.monotonic() + 10
    while glob.glob(groups) and time.monotonic() < end:
        for path in glob.glob(groups):
            for directory in glob.glob(path + "/*/") + [path]:
                try:
                    os.rmdir(directory)
                except OSError:
                    time.sleep(0.01)


def has_cgroup(driver, user):
    _, self_test, _ = lines(driver.command(user, "attack", "see_host_name"))
    return "cgroup" in self_test["strict"]["mechanisms"]


def try_one(counts, driver, name, cgroup):
    needs, options, attacks = MUTATIONS[name]
    user = "nobody" if needs == "nobody" else users()[0]
    if needs == "root" and user != "root":
        counts.skip(name, "missing here: identity (not root)")
        return
    if needs == "cgroup" and not cgroup:
        counts.skip(name, "missing here: cgroup")
        return
    command = driver.command(user, *options, "attack", *attacks)
    intact = lines(command)[2]
    counts.ok(all(r["outcome"] in ("stopped", "skipped") for r in intact), name + " in place", intact)
    launcher, *rest = lines(command, {"CODESANDBOX_DROP": name})
    clear(launcher)
    through, detail = judge(*rest)
    if counts.ok(through, "without " + name, detail):
        print("without %s: %s" % (name, detail), flush=True)


def main():
    counts = Counts()
    counts.ok(droppable() == set(MUTATIONS), "every droppable mechanism is dropped here",
              droppable() ^ set(MUTATIONS))
    driver = Driver(drop=True)
    cgroup = has_cgroup(driver, users()[0])
    for name in MUTATIONS:
        try:
            try_one(counts, driver, name, cgroup)
        except AssertionError as error:
            counts.ok(False, "without " + name, error)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
