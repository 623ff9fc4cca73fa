#!/usr/bin/python3
"""tests/run: what a suite says is counted, and what goes wrong unsaid is a failure."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import counted

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("run", ROOT + "/tests/run")
run = importlib.util.module_from_spec(importlib.util.spec_from_loader("run", loader))
loader.exec_module(run)


class Counting(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="codeworker-run-")
        self.addCleanup(directory.cleanup)
        self.addCleanup(setattr, run, "BUILD", run.BUILD)
        run.BUILD = directory.name

    def suite(self, script, kind=run.Suite, **more):
        return kind("a suite", ["/bin/sh", "-c", script], **more)

    def report(self, *suites):
        """Runs them; returns the report's lines and its exit status."""
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = run.report(run.run(list(suites)))
        return said.getvalue().splitlines(), status

    def closing(self, script, **more):
        lines, status = self.report(self.suite(script, **more))
        return lines[-1], status

    def test_both_kinds_of_counts_are_added_up(self):
        lines, status = self.report(self.suite("echo '2 passed, 0 failed, 0 skipped'"),
                                    self.suite("echo '100%: Checks: 3, Failures: 0, Errors: 0'"))
        self.assertEqual((lines[-1], status), ("5 passed, 0 failed, 0 skipped", 0))

    def test_failures_and_errors_of_check_are_failures(self):
        self.assertEqual(self.closing("echo '50%: Checks: 4, Failures: 1, Errors: 1'; exit 1"),
                         ("2 passed, 2 failed, 0 skipped", 1))

    def test_a_suite_that_says_nothing_fails(self):
        self.assertEqual(self.closing("true"), ("0 passed, 1 failed, 0 skipped", 1))

    def test_a_suite_that_claims_success_and_exits_otherwise_fails(self):
        self.assertEqual(self.closing("echo '2 passed, 0 failed, 0 skipped'; exit 3"),
                         ("2 passed, 1 failed, 0 skipped", 1))

    def test_a_suite_that_dies_after_its_count_fails(self):
        self.assertEqual(self.closing("echo '2 passed, 0 failed, 0 skipped'; kill -SEGV $$"),
                         ("2 passed, 1 failed, 0 skipped", 1))

    def test_a_program_that_is_not_there_fails(self):
        lines, status = self.report(run.Suite("absent", ["/nonexistent/test"]))
        self.assertEqual((lines[-1], status), ("0 passed, 1 failed, 0 skipped", 1))

    def test_a_suite_that_takes_too_long_is_ended_with_its_children(self):
        begin = time.monotonic()
        lines, status = self.report(self.suite("sleep 60 & echo child $!; wait", seconds=0.3))
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual((lines[-1], status), ("0 passed, 1 failed, 0 skipped", 1))
        child = int(next(line for line in lines if line.startswith("child ")).split()[1])
        self.assertFalse(os.path.exists("/proc/%d/exe" % child))

    def test_a_process_left_behind_is_named_ended_and_a_failure(self):
        self.addCleanup(setattr, run, "LINGER_SECONDS", run.LINGER_SECONDS)
        run.LINGER_SECONDS = 0.3
        suite = self.suite("sleep 60 & echo child $!; echo '1 passed, 0 failed, 0 skipped'")
        lines, status = self.report(suite)
        self.assertEqual((lines[-1], status), ("1 passed, 1 failed, 0 skipped", 1))
        self.assertEqual(suite.note, "left behind: sleep")
        child = int(next(line for line in lines if line.startswith("child ")).split()[1])
        self.assertFalse(os.path.exists("/proc/%d/exe" % child))

    def test_nothing_at_all_is_no_success(self):
        self.assertEqual(self.report()[1], 1)

    def test_skips_are_said_again_with_their_reasons_before_the_counts(self):
        lines, status = self.report(self.suite(
            "echo 'SKIP one: no java (probe: java)'; echo '1 passed, 0 failed, 1 skipped'"))
        self.assertEqual(lines[-2:], ["a suite: SKIP one: no java (probe: java)",
                                      "1 passed, 0 failed, 1 skipped"])
        self.assertEqual(status, 0)

    def test_a_skip_without_a_reason_is_pointed_out(self):
        lines, _ = self.report(self.suite("echo '1 passed, 0 failed, 1 skipped'"))
        self.assertIn("did not say why", lines[-2])

    def test_a_tool_counts_by_its_status_alone(self):
        for script, wanted in (("true", "1 passed, 0 failed, 0 skipped"),
                               ("false", "0 passed, 1 failed, 0 skipped")):
            lines, _ = self.report(self.suite(script, kind=run.Tool))
            self.assertEqual(lines[-1], wanted)

    def test_a_fuzz_target_must_say_that_it_is_done(self):
        done = "echo '#9	DONE   cov: 7 ft: 8 corp: 3/9b lim: 4'"
        for script, wanted in ((done, "1 passed, 0 failed, 0 skipped"),
                               ("true", "0 passed, 1 failed, 0 skipped"),
                               (done + "; exit 77", "0 passed, 1 failed, 0 skipped")):
            lines, _ = self.report(self.suite(script, kind=run.Fuzz))
            self.assertEqual(lines[-1], wanted)

    def test_what_a_suite_printed_is_kept_and_its_directory_is_not(self):
        suite = self.suite("echo marked; echo '1 passed, 0 failed, 0 skipped'; touch \"$TMPDIR/left\"")
        self.report(suite)
        with open(run.BUILD + "/logs/a-suite.log") as kept:
            self.assertIn("marked", kept.read())
        self.assertFalse(os.path.exists(suite.directory))


if __name__ == "__main__":
    counted.main()
