#!/usr/bin/python3
"""The short form of make chaos: one round of a fixed seed, and what the shipped program must not have."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import chaos
import counted
import scenarios
import stage

SEED = 20261128
JOBS = 500


class Chaos(unittest.TestCase):
    def test_a_round_of_chaos_leaves_one_result_each(self):
        with chaos.Theatre() as theatre:
            self.assertTrue(theatre.play(chaos.round_trial(SEED, JOBS)))

    def test_only_the_test_build_has_points_and_switches(self):
        names = [name.encode() for name in ("CHAOS_POINTS", "CHAOS_OFF", "CHAOS_RELEASE", *scenarios.POINTS)]
        shipped = os.path.join(os.path.dirname(os.path.dirname(stage.PROGRAM)), "codeworker")
        for program, expected in ((stage.PROGRAM, names), (shipped, [])):
            with open(program, "rb") as file:
                content = file.read()
            self.assertEqual([name for name in names if name in content], expected, program)


if __name__ == "__main__":
    counted.main()
