#!/usr/bin/python3
"""scripts/deps on machines of many kinds, each a directory of small programs that stand for its tools."""

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import counted

REAL = ("sh", "true", "tr", "sed", "sort", "cut", "head", "env", "grep", "cat", "touch", "rm")
BUILD = ("gcc", "make", "ar")
DEMO = ("node",)
CHECK = ("kcat", "mvn", "shellcheck", "setpriv")

# A package that is installed makes a file of its name; what it brings is looked for there.
STUBS = {
    "id": 'echo "$USER_ID"',
    "cc": 'case $* in -print-file-name=*) echo /usr/lib/libc.a ;; esac',
    "pkg-config": 'test ! -e "$MACHINE/without-$2" || test -e "$MACHINE/installed-lib$2-dev"',
    "clang": 'case $* in -dumpversion) echo 14.0.6 ;; esac',
    "java": 'echo "openjdk version \\"$JAVA.0.1\\"" >&2',
    "apt-cache": 'echo "  Depends: openjdk-${DEFAULT_JAVA:-17}-jre-headless"',
    "apt-get": 'echo "$*" >>"$MACHINE/apt"; test "$1" = install || exit 0\n'
               'test -z "$BROKEN" || exit 0\n'
               'for name in "$@"; do touch "$MACHINE/installed-$name"; done',
    "sudo": 'test "$1" = -n || touch "$MACHINE/sudo"; case $1 in -n) shift ;; esac; exec "$@"',
}


class Deps(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="codeworker-deps-")
        self.addCleanup(directory.cleanup)
        self.machine, self.tools = directory.name, directory.name + "/bin"
        os.mkdir(self.tools)
        for tool in REAL:
            os.symlink(shutil.which(tool), os.path.join(self.tools, tool))
        for tool in BUILD + DEMO + CHECK:
            self.put(tool, "exit 0")
        for tool, text in STUBS.items():
            if tool != "sudo":
                self.put(tool, text)
        self.environment = {"PATH": self.tools, "MACHINE": self.machine, "USER_ID": "0",
                            "JAVA": "17", "BROKEN": "", "NODE_HEADERS": self.machine}
        with open(self.machine + "/node_api.h", "w"):
            pass

    def put(self, tool, text):
        path = os.path.join(self.tools, tool)
        with open(path, "w") as program:
            program.write("#!/bin/sh\n%s\n" % text)
        os.chmod(path, 0o755)

    def without(self, *tools):
        for tool in tools:
            os.unlink(os.path.join(self.tools, tool))

    def lacks(self, module):
        with open("%s/without-%s" % (self.machine, module), "w"):
            pass

    def run_deps(self, goal, stdin=subprocess.DEVNULL, **environment):
        return subprocess.run([ROOT + "/scripts/deps", goal], stdin=stdin, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**self.environment, **environment})

    def on_a_terminal(self, answer, **environment):
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answer.encode())
            return self.run_deps("build", stdin=theirs, **environment)
        finally:
            os.close(ours)
            os.close(theirs)

    def apt(self):
        try:
            with open(self.machine + "/apt") as log:
                return log.read().splitlines()
        except FileNotFoundError:
            return []

    def test_where_all_is_there_nothing_is_said_or_done(self):
        for goal in ("build", "demo", "check"):
            ran = self.run_deps(goal)
            self.assertEqual((ran.returncode, ran.stdout), (0, ""), goal)
        self.assertEqual(self.apt(), [])

    def test_installs_what_is_missing_and_nothing_else(self):
        self.lacks("jansson")
        ran = self.run_deps("build")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("make needs packages that are not here: libjansson-dev\n", ran.stdout)
        self.assertEqual(self.apt(), ["update -q", "install -q -y --no-install-recommends libjansson-dev"])

    def test_an_installation_that_brought_nothing_is_a_failure(self):
        self.lacks("jansson")
        ran = self.run_deps("build", BROKEN="1")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("Still not found after the installation: libjansson-dev", ran.stdout)

    def test_without_rights_the_command_is_said_and_nothing_done(self):
        self.lacks("jansson")
        ran = self.run_deps("check", USER_ID="1000")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("apt-get update && apt-get install --no-install-recommends libjansson-dev", ran.stdout)
        self.assertEqual(self.apt(), [])

    def test_sudo_is_used_where_it_asks_no_password(self):
        self.lacks("jansson")
        self.put("sudo", STUBS["sudo"])
        self.assertEqual(self.run_deps("build", USER_ID="1000").returncode, 0)
        self.assertTrue(os.path.exists(self.machine + "/sudo"))
        self.assertEqual(len(self.apt()), 2)

    def test_on_a_terminal_no_means_no(self):
        self.lacks("jansson")
        ran = self.on_a_terminal("n\n")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("Install them now?", ran.stdout)
        self.assertEqual(self.apt(), [])

    def test_on_a_terminal_a_plain_return_means_yes_and_yes_1_asks_nothing(self):
        for answer, said in (("\n", {}), ("", {"YES": "1"})):
            with self.subTest(said=said):
                self.lacks("jansson")
                ran = self.on_a_terminal(answer, **said)
                self.assertEqual(ran.returncode, 0, ran.stdout)
                self.assertEqual("Install them now?" in ran.stdout, not said)
                os.unlink(self.machine + "/installed-libjansson-dev")

    def test_each_command_asks_for_its_own_only(self):
        self.without("node", "kcat", "mvn")
        self.assertEqual(self.run_deps("build").returncode, 0)
        self.assertIn("not here: nodejs\n", self.run_deps("demo", USER_ID="1000").stdout)
        self.assertIn("not here: kcat maven nodejs\n", self.run_deps("check", USER_ID="1000").stdout)

    def test_an_old_java_does_not_do_for_kafka(self):
        asked = self.run_deps("check", USER_ID="1000", JAVA="11").stdout
        self.assertIn("not here: default-jre-headless\n", asked)
        asked = self.run_deps("check", USER_ID="1000", JAVA="11", DEFAULT_JAVA="11").stdout
        self.assertIn("not here: openjdk-17-jre-headless\n", asked)

    def test_where_there_is_no_apt_the_packages_are_named(self):
        self.lacks("jansson")
        self.without("apt-get")
        ran = self.run_deps("build")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("libjansson-dev", ran.stdout)
        self.assertIn("no Debian or Ubuntu", ran.stdout)

    def test_plain_make_names_make_deps_and_installs_nothing(self):
        self.lacks("jansson")
        ran = subprocess.run([shutil.which("make"), "-n", "BUILD=" + self.machine + "/build"], cwd=ROOT,
                             env=self.environment, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=60)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("make deps", ran.stdout)
        self.assertIn("jansson", ran.stdout)
        self.assertEqual(len(ran.stdout.splitlines()), 1, ran.stdout)
        self.assertEqual(self.apt(), [])


if __name__ == "__main__":
    counted.main()
