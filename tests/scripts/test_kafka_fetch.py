#!/usr/bin/python3
"""scripts/kafka fetch: jars come once, and half of them are never taken for all. Maven is a stand-in."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import counted

MAVEN = """#!/bin/sh
echo called >>"$CALLS"
grep -q '<artifactId>kafka-tools</artifactId><version>4' "$3" || exit 9
for option in "$@"; do
	case $option in -DoutputDirectory=*) lib=${option#*=} ;; esac
done
mkdir -p "$lib" && echo jar >"$lib/one.jar"
case $MAVEN in
hangs) touch "$CALLS.hangs"; exec sleep 60 ;;
fails) echo "Could not resolve kafka"; exit 1 ;;
esac
echo jar >"$lib/two.jar"
"""


class Fetch(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="codeworker-fetch-")
        self.addCleanup(directory.cleanup)
        self.calls, self.cache = directory.name + "/calls", directory.name + "/cache"
        os.mkdir(directory.name + "/bin")
        with open(directory.name + "/bin/mvn", "w") as maven:
            maven.write(MAVEN)
        os.chmod(maven.name, 0o755)
        self.environment = {"PATH": directory.name + "/bin:/usr/bin:/bin", "CALLS": self.calls,
                            "HOME": directory.name, "XDG_CACHE_HOME": self.cache, "MAVEN": ""}

    def start(self, maven=""):
        return subprocess.Popen([ROOT + "/scripts/kafka", "fetch"], text=True,
                                env={**self.environment, "MAVEN": maven}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def fetch(self, maven=""):
        with self.start(maven) as process:
            out, complaint = process.communicate(timeout=60)
        return process.returncode, out.strip(), complaint

    def cached(self):
        names = os.listdir(self.cache + "/codeworker") if os.path.isdir(self.cache) else []
        return [name for name in names if not name.startswith(".")]

    def test_the_second_time_finds_what_the_first_brought(self):
        status, directory, _ = self.fetch()
        self.assertEqual(status, 0)
        self.assertEqual(sorted(os.listdir(directory)), ["one.jar", "two.jar"])
        self.assertEqual(self.fetch()[:2], (0, directory))
        with open(self.calls) as calls:
            self.assertEqual(calls.read(), "called\n")

    def test_a_failure_shows_mavens_words_and_keeps_nothing(self):
        status, _, complaint = self.fetch("fails")
        self.assertEqual(status, 1)
        self.assertIn("Could not resolve kafka", complaint)
        self.assertEqual(self.cached(), [])
        self.assertEqual(self.fetch()[0], 0)

    def test_half_of_a_killed_fetch_is_not_taken_for_all(self):
        with self.start("hangs") as process:
            try:
                deadline = time.monotonic() + 30
                while not os.path.exists(self.calls + ".hangs"):
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.02)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
        self.assertEqual(self.cached(), [])
        status, directory, _ = self.fetch()
        self.assertEqual((status, sorted(os.listdir(directory))), (0, ["one.jar", "two.jar"]))


if __name__ == "__main__":
    counted.main()
