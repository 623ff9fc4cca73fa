#!/usr/bin/python3
"""The Makefile, in a copy of the tree: what changed is built again, what is wrong ends the build."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import counted

LIBRARY = "build/libcodesandbox.a"
OBJECT = "build/worker/arena.o"


class Builds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="codeworker-makefile-")
        cls.addClassCleanup(directory.cleanup)
        cls.tree = directory.name
        for top in ("sandbox", "worker", "scripts"):
            shutil.copytree(os.path.join(ROOT, top), os.path.join(cls.tree, top))
        shutil.copy(ROOT + "/Makefile", cls.tree)
        cls.environment = {name: value for name, value in os.environ.items()
                           if name in ("PATH", "HOME", "LANG")}

    def setUp(self):
        self.build(LIBRARY, OBJECT)

    @classmethod
    def make(cls, *arguments):
        return subprocess.run(["make", "-s", *arguments], cwd=cls.tree, env=cls.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=250)

    @classmethod
    def build(cls, *arguments):
        ran = cls.make(*arguments)
        if ran.returncode != 0:
            raise AssertionError("make %s:\n%s" % (" ".join(arguments), ran.stdout))

    def path(self, name):
        return os.path.join(self.tree, name)

    def stamp(self, name):
        return os.stat(self.path(name)).st_mtime_ns

    def put(self, name, text):
        """A source that is there for one test."""
        with open(self.path(name), "w") as source:
            source.write(text)
        self.addCleanup(lambda: os.path.exists(self.path(name)) and os.unlink(self.path(name)))

    def test_what_is_built_is_left_alone(self):
        before = self.stamp(OBJECT), self.stamp(LIBRARY)
        self.build(LIBRARY, OBJECT)
        self.assertEqual((self.stamp(OBJECT), self.stamp(LIBRARY)), before)

    def test_so_it_is_when_the_build_is_named_by_its_whole_path(self):
        before = self.stamp(OBJECT), self.stamp(LIBRARY)
        self.build("BUILD=" + self.path("build"), self.path(LIBRARY), self.path(OBJECT))
        self.assertEqual((self.stamp(OBJECT), self.stamp(LIBRARY)), before)

    def test_other_flags_compile_anew(self):
        before = self.stamp(OBJECT)
        self.build("CFLAGS=-DOTHER='\"quoted\"'", OBJECT)
        self.assertGreater(self.stamp(OBJECT), before)
        between = self.stamp(OBJECT)
        self.build(OBJECT)
        self.assertGreater(self.stamp(OBJECT), between)

    def test_a_changed_header_compiles_anew(self):
        before = self.stamp(OBJECT)
        os.utime(self.path("worker/arena.h"))
        self.build(OBJECT)
        self.assertGreater(self.stamp(OBJECT), before)

    def test_a_source_that_is_gone_leaves_the_library(self):
        self.put("sandbox/extra.c", "int extra(void);\nint extra(void)\n{\n\treturn 1;\n}\n")
        self.build(LIBRARY)
        self.assertIn("extra.o", self.members())
        os.unlink(self.path("sandbox/extra.c"))
        self.build(LIBRARY)
        self.assertNotIn("extra.o", self.members())

    def members(self):
        return subprocess.check_output(["ar", "t", self.path(LIBRARY)], text=True).split()

    def test_a_changed_runtime_is_carried_anew(self):
        before = self.stamp("build/codesandbox-launcher")
        os.utime(self.path("sandbox/runtimes/python/run.py"))
        self.build(LIBRARY)
        self.assertGreater(self.stamp("build/codesandbox-launcher"), before)

    def test_a_warning_ends_the_build(self):
        self.put("worker/careless.c", "static int unused;\n")
        ran = self.make("build/worker/careless.o")
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("unused", ran.stdout)

    def test_a_breach_of_the_layers_ends_the_build(self):
        self.put("sandbox/nosy.c", "#include <librdkafka/rdkafka.h>\n")
        ran = self.make("build/layers")
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("sandbox/nosy.c:1: includes librdkafka/rdkafka.h", ran.stdout)

    def test_help_names_what_people_call(self):
        said = self.make("help").stdout
        for goal in ("demo", "check", "deps", "install", "clean", "check-fresh", "check-cpython",
                     "fuzz"):
            self.assertIn("make %s" % goal, said)


if __name__ == "__main__":
    counted.main()
