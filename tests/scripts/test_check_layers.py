#!/usr/bin/python3
"""scripts/check-layers: the tree as it is passes, and each rule finds the include that breaks it."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import counted

# (file, include put at its end, words of the complaint)
BREACHES = [
    ("sandbox/client.c", '"../worker/arena.h"', "knows nothing of queues"),
    ("sandbox/client.c", "<librdkafka/rdkafka.h>", "knows nothing of queues"),
    ("sandbox/client.c", "<avro.h>", "knows nothing of queues"),
    ("sandbox/launcher/job.c", "<jansson.h>", "libc and the kernel's headers alone"),
    ("sandbox/launcher/job.c", "<seccomp.h>", "libc and the kernel's headers alone"),
    ("sandbox/launcher/job.c", '"../payload.h"', "shares records with the library"),
    ("sandbox/shared/record.c", '"../launcher/job.h"', "leans on neither"),
    ("worker/executor.c", '"../sandbox/payload.h"', "has one door"),
    ("worker/executor.c", '"../sandbox/shared/record.h"', "has one door"),
    ("worker/executor.c", "<librdkafka/rdkafka.h>", "behind the broker's table"),
    ("worker/executor.c", "<avro.h>", "behind the codec"),
    ("worker/executor.c", "<microhttpd.h>", "one file speaks HTTP"),
    ("worker/executor.c", "<yaml.h>", "one file reads YAML"),
    ("worker/validator/validator.c", "<fcntl.h>", "without input, output and clocks"),
    ("worker/queue/scheduler.c", "<time.h>", "without input, output and clocks"),
    ("worker/queue/offset_window.h", "<unistd.h>", "without input, output and clocks"),
    ("worker/validator/rules.c", "<sys/socket.h>", "without input, output and clocks"),
]


def check(*arguments):
    return subprocess.run([ROOT + "/scripts/check-layers", *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Layers(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="codeworker-layers-")
        self.addCleanup(directory.cleanup)
        self.tree = directory.name
        for top in ("sandbox", "worker"):
            shutil.copytree(os.path.join(ROOT, top), os.path.join(self.tree, top))

    def add(self, path, include):
        with open(os.path.join(self.tree, path), "a", encoding="utf-8") as source:
            source.write("\n#include %s\n" % include)

    def test_the_tree_as_it_is_passes(self):
        ran = check(self.tree)
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertRegex(ran.stdout, r"^\d+ passed, 0 failed, 0 skipped\n$")
        self.assertEqual(check("--quiet", self.tree).stdout, "")

    def test_each_rule_finds_its_breach_and_names_file_line_and_reason(self):
        for path, include, why in BREACHES:
            with self.subTest(path=path, include=include):
                whole = os.path.join(self.tree, path)
                with open(whole, encoding="utf-8") as source:
                    kept = source.read()
                self.add(path, include)
                ran = check("--quiet", self.tree)
                with open(whole, "w", encoding="utf-8") as source:
                    source.write(kept)
                self.assertEqual(ran.returncode, 1)
                self.assertIn("%s:%d: includes " % (path, kept.count("\n") + 2), ran.stdout)
                self.assertIn(why, ran.stdout)

    def test_what_a_header_brings_along_is_found_with_its_way(self):
        self.add("worker/arena.h", "<sys/epoll.h>")
        self.add("worker/queue/scheduler.c", '"../arena.h"')
        ran = check(self.tree)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("includes worker/arena.h > sys/epoll.h: ", ran.stdout)

    def test_a_pure_file_that_was_renamed_does_not_escape(self):
        for ending in ".c", ".h":
            os.rename(self.tree + "/worker/codec/utf8" + ending, self.tree + "/worker/codec/text" + ending)
        ran = check(self.tree)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("PURE names worker/codec/utf8.[ch]", ran.stdout)

    def test_a_tree_without_sources_is_no_success(self):
        shutil.rmtree(self.tree + "/worker")
        shutil.rmtree(self.tree + "/sandbox")
        self.assertEqual(check(self.tree).returncode, 1)


if __name__ == "__main__":
    counted.main()
