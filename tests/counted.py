"""Runs a module's unittest classes and closes with the line of counts that tests/run reads."""

import sys
import unittest


class _Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print("SKIP %s: %s" % (test, reason))


def main():
    loader, module = unittest.defaultTestLoader, sys.modules["__main__"]
    tests = (loader.loadTestsFromNames(sys.argv[1:], module) if sys.argv[1:]
             else loader.loadTestsFromModule(module))
    ran = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result).run(tests)
    failed = len(ran.failures) + len(ran.errors)
    print("%d passed, %d failed, %d skipped" % (ran.passed, failed, len(ran.skipped)))
    sys.exit(1 if failed else 0)
