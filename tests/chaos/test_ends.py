#!/usr/bin/python3
"""Workers' ends are judged: each that nobody meant is a fault, and what excuses one excuses no other."""

import collections
import os
import signal
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import counted
import director
import ends
import stage

FENCED = "the worker ends  reason=\"fenced: another worker has the same worker.id, or this one\"\n"
UNREACHED = "the worker ends  reason=\"the transactional producer can't start\"\n"
JOINED = "INFO  joined the group\n"


def life(status, log="", name="one", is_static=True, begin=10, end=20, meant=(), points=""):
    return ends.Life(name, is_static, begin, end, status, set(meant), points, log)


def faults(*lives, outages=()):
    return ends.check(list(lives), [ends.Outage(*outage) for outage in outages])


class Ends(unittest.TestCase):
    def test_what_was_asked_for_is_no_fault(self):
        self.assertEqual(faults(life(0, meant=(0, -signal.SIGTERM)),
                                life(-signal.SIGTERM, meant=(0, -signal.SIGTERM)),
                                life(-signal.SIGKILL, meant=[-signal.SIGKILL]),
                                life(None, end=None)), [])

    def test_any_other_end_is_a_fault_and_says_the_last_line(self):
        self.assertEqual(faults(life(1, "a\nb\n"), life(0), life(69), life(-signal.SIGSEGV),
                                life(-signal.SIGKILL), life(1, meant=(0, -signal.SIGTERM))),
                         ["one ended with 1: b", "one ended with 0: ", "one ended with 69: ",
                          "one ended with -11: ", "one ended with -9: ", "one ended with 1: "])

    def test_a_death_at_an_armed_point_must_have_reached_it(self):
        log = "chaos: in-transaction reached 15.000\n"
        armed = "after-start:1:stop,in-transaction:2:kill"
        self.assertEqual(faults(life(-signal.SIGKILL, log, points=armed)), [])
        self.assertEqual(len(faults(life(-signal.SIGKILL, "", points=armed))), 1)
        self.assertEqual(len(faults(life(-signal.SIGKILL, log, points="in-transaction:2:stop"))), 1)
        self.assertEqual(len(faults(life(-signal.SIGKILL, "chaos: after-start reached 15.000\n",
                                         points=armed))), 1)
        self.assertEqual(len(faults(life(1, log, points=armed))), 1)

    def test_an_id_in_use_excuses_who_says_so_and_had_a_double(self):
        twin = life(None, begin=15, end=None)
        self.assertEqual(faults(life(1, JOINED + FENCED), twin), [])
        self.assertEqual(len(faults(life(1, JOINED + FENCED))), 1)
        self.assertEqual(len(faults(life(1, JOINED), twin)), 1)
        self.assertEqual(len(faults(life(2, JOINED + FENCED), twin)), 1)

    def test_a_double_must_have_lived_at_the_time_under_the_same_id(self):
        fenced = life(1, JOINED + FENCED)
        for other in (life(None, begin=21, end=None),
                      life(-signal.SIGKILL, begin=1, end=9, meant=[-signal.SIGKILL]),
                      life(None, begin=15, end=None, name="two"),
                      life(None, begin=15, end=None, is_static=False)):
            self.assertEqual(len(faults(fenced, other)), 1, other)
        self.assertEqual(len(faults(fenced._replace(is_static=False), life(None, begin=15, end=None))),
                         1)

    def test_a_broker_that_died_may_know_the_predecessor_only(self):
        fenced = life(1, JOINED + FENCED)
        before = life(-signal.SIGKILL, begin=1, end=9, meant=[-signal.SIGKILL])
        self.assertEqual(faults(before, fenced, outages=[(12, 13, 18)]), [])
        for lives, outage in (((before, fenced), (5, 6, 12)), ((before, fenced), (21, 22, None)),
                              ((fenced,), (12, 13, 18)),
                              ((before._replace(name="two"), fenced), (12, 13, 18)),
                              ((before, fenced._replace(is_static=False)), (12, 13, 18)),
                              ((before, fenced._replace(log=JOINED)), (12, 13, 18)),
                              ((before, fenced._replace(status=2)), (12, 13, 18))):
            self.assertEqual(len(faults(*lives, outages=[outage])), 1, (lives, outage))

    def test_who_came_later_keeps_the_id(self):
        old, fenced = life(None, begin=1, end=None), life(1, JOINED + FENCED)
        self.assertFalse(ends.is_excused_twin(fenced, [old, fenced], []))
        self.assertTrue(ends.is_excused_twin(fenced, [old, fenced], [ends.Outage(12, 13, 18)]))
        self.assertFalse(ends.is_excused_twin(fenced, [old, fenced], [ends.Outage(5, 6, 9)]))
        self.assertTrue(ends.is_excused_twin(life(0), [old], []))

    def test_a_broker_that_was_away_excuses_a_start(self):
        for outage in ((12, 13, 18), (5, 6, 11), (19, 20, None), (5, 6, None)):
            self.assertEqual(faults(life(1, UNREACHED), outages=[outage]), [], outage)

    def test_a_broker_that_was_there_does_not(self):
        self.assertEqual(len(faults(life(1, UNREACHED))), 1)
        for outage in ((5, 6, 9), (21, 22, None)):
            self.assertEqual(len(faults(life(1, UNREACHED), outages=[outage])), 1, outage)

    def test_who_had_joined_must_bear_the_broker_s_death(self):
        self.assertEqual(len(faults(life(1, JOINED + UNREACHED), outages=[(12, 13, 18)])), 1)
        self.assertEqual(len(faults(life(69, UNREACHED), outages=[(12, 13, 18)])), 1)

    def test_holds_are_read_from_the_log(self):
        log = ("INFO  joined\nchaos: produced reached 1.500\nchaos: before-commit reached 1.700\n"
               "chaos: produced left 2.000\nchaos: produced reached 3.000\n")
        self.assertEqual(ends.holds(log), [
            ends.Hold("produced", 1.5, 2.0), ends.Hold("before-commit", 1.7, None),
            ends.Hold("produced", 3.0, None)])

    def test_a_point_that_was_never_reached_is_told_once_for_each_plan(self):
        log = "chaos: produced reached 1.500\n"
        self.assertEqual(ends.unreached(life(0, log, points="produced:4:sleep100")), [])
        self.assertEqual(ends.unreached(life(0, log)), [])
        self.assertEqual(ends.unreached(life(0, log, points="produced:1:hold,produced:2:hold,"
                                             "at-revoke:1:stop")),
                         ["one never reached produced:2:hold", "one never reached at-revoke:1:stop"])

    def test_what_was_said_within_a_hold(self):
        log = "a\nchaos: produced reached 1.500\nb\nchaos: produced left 2.000\nc\n"
        self.assertEqual([ends.told_within(log, "produced", word) for word in "abc"],
                         [False, True, False])
        self.assertFalse(ends.told_within(log, "before-commit", "b"))
        self.assertTrue(ends.told_within("chaos: produced reached 1.500\nb\n", "produced", "b"))

    def test_a_broker_that_died_within_a_hold(self):
        log = "chaos: produced reached 1.500\nchaos: produced left 2.000\n"
        for expected, begin, dead in ((True, 1.6, 1.9), (False, 1.4, 1.9), (False, 1.6, 2.1),
                                      (False, 3, 4)):
            self.assertEqual(ends.died_within(log, "produced", ends.Outage(begin, dead, None)),
                             expected, begin)
        self.assertFalse(ends.died_within(log, "before-commit", ends.Outage(1.6, 1.9, None)))
        self.assertTrue(ends.died_within(log.splitlines()[0], "produced", ends.Outage(3, 4, 5)))

    def test_rounds_must_have_had_everything(self):
        happened = collections.Counter(director.Round.KINDS)
        self.assertEqual(director.missing(happened), [])
        del happened["double"], happened["died at a point"]
        self.assertEqual(director.missing(happened), ["double", "died at a point"])

    def test_a_round_in_which_little_happened(self):
        for events, expected in ((3, []), (2, ["2 events, not 3, in a round of 800 jobs"])):
            played = stage.Stage.__new__(stage.Stage)	# no broker
            played.workers, played.faults, played.requests = [], [], ("requests",)
            played.witnesses = "/nowhere"
            round_ = director.Round(played, 1, 800, print)
            round_.total = 800
            round_.happened.update({"kill": events, "grow": 7})
            round_.count()
            self.assertEqual(played.faults, expected)

    def test_a_round_tells_who_reached_the_point_it_was_armed_for(self):
        log = "chaos: after-start reached 15.000\n"
        played = stage.Stage.__new__(stage.Stage)
        played.faults, played.requests, played.witnesses = [], ("requests",), "/nowhere"
        played.lives = lambda: [life(-signal.SIGKILL, log, points="after-start:3:kill"),
                                life(-signal.SIGKILL, "", points="after-start:3:kill"),
                                life(0, log, points="after-start:3:stop"),
                                life(0, log, points="after-start:3:stop")]
        round_ = director.Round(played, 1, 0, print)
        round_.count()
        self.assertEqual((round_.happened["died at a point"], round_.happened["stopped at a point"]),
                         (1, 2))


if __name__ == "__main__":
    counted.main()
