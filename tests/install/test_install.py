#!/usr/bin/python3
"""make install: what it puts where, and that others can build on it."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import counted

BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PREFIX = "/opt/codeworker"
INSTALLED = ["bin/codeworker", "lib/libcodesandbox.a", "lib/pkgconfig/codesandbox.pc",
             "include/codesandbox/sandbox.h", "include/codesandbox/err.h",
             "share/codeworker/codeworker.yaml", "share/codeworker/schemas/CodeExecutionRequest.avsc",
             "share/doc/codeworker/README.md"]


def output(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if done.returncode != 0:
        raise AssertionError("%s: %s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="codeworker-install-")
        cls.addClassCleanup(cls.directory.cleanup)
        cls.destination = cls.directory.name + "/destination"
        output("make", "-s", "-C", ROOT, "BUILD=" + BUILD, "DESTDIR=" + cls.destination,
               "PREFIX=" + PREFIX, "install")

    def path(self, name):
        return self.destination + PREFIX + "/" + name

    def test_everything_is_there_and_nothing_outside_of_the_prefix(self):
        for name in INSTALLED:
            self.assertTrue(os.path.getsize(self.path(name)) > 0, name)
        self.assertEqual(os.listdir(self.destination), ["opt"])
        self.assertTrue(os.access(self.path("bin/codeworker"), os.X_OK))

    def test_the_program_runs_from_there(self):
        version = output(self.path("bin/codeworker"), "--version", cwd="/")
        config = output("pkg-config", "--modversion", "codesandbox",
                        env={**os.environ, "PKG_CONFIG_PATH": self.path("lib/pkgconfig")})
        self.assertEqual(version.split()[-1], config.strip())

    def test_a_foreign_program_builds_on_the_library_and_runs_a_job(self):
        program = self.directory.name + "/user"
        flags = output("pkg-config", "--cflags", "--libs", "codesandbox", env={
            **os.environ, "PKG_CONFIG_PATH": self.path("lib/pkgconfig")})
        here = [flag.replace(PREFIX, self.destination + PREFIX) for flag in flags.split()]
        output(os.environ.get("CC", "gcc"), "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-o", program,
               HERE + "/sandbox_user.c", *here, cwd="/")
        self.assertEqual(output(program, self.directory.name + "/run", cwd="/").split(),
                         ["strict", "0", "42"])


if __name__ == "__main__":
    counted.main()
