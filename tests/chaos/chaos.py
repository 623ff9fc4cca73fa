#!/usr/bin/python3
"""Chaos on a real broker, and whether each execution has one final result after it: make chaos, or
tests/chaos/chaos.py [--jobs N] [--seed S] [TRIAL...]

Without names: every safeguard's trial twice, with it and without, when the trial must fail; a worker's end
and stop at each named point; a rebalance and the broker's death in each phase of a transaction; rounds.
What failed keeps its directory: the workers' logs, the jobs' witnesses.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import director
import ends
import scenarios
import stage
import cli_support as cli

ROUND_JOBS = 2500
LONG_FORM_JOBS = 17500		# in rounds; over so many everything happens
OF_TWO_TOPICS = (1, 3, 4, 6)	# seeds modulo 8; partitions are added in some of either
SHOWN = 8


def say(text):
    print(text, flush=True)


def library():
    """The librdkafka that the workers run with."""
    told = subprocess.run(["ldd", stage.PROGRAM], text=True, stdout=subprocess.PIPE, check=True).stdout
    linked = [line.split()[2] for line in told.splitlines() if "librdkafka" in line]
    return os.path.realpath(linked[0])


class Trial:
    """name: what it is called; play: from a stage to a verdict; fault: words of the one that it must show."""

    def __init__(self, name, play, partitions=4, off="", fault=None, two_topics=False,
                 round_jobs=0):
        self.name, self.play, self.partitions = name, play, partitions
        self.round_jobs = round_jobs
        self.off, self.fault, self.two_topics = off, fault, two_topics

    def is_good(self, faults):
        return any(self.fault in fault for fault in faults) if self.fault else not faults


class Theatre:
    """A broker and a directory, on which trials are played one after another."""

    def __init__(self):
        self.passed, self.failed = 0, []
        self.jobs = self.twice = self.round_jobs = 0
        self.happened = collections.Counter()

    def __enter__(self):
        cli.PROGRAM = stage.PROGRAM
        cli.broker_start(apart=True)
        self.broker = stage.Broker(cli.broker())
        # outside of /tmp and /dev/shm, of which jobs have their own
        self.directory = tempfile.mkdtemp(prefix="codeworker-chaos-", dir="/var/tmp")
        os.chmod(self.directory, 0o755)
        return self

    def __exit__(self, *_):
        self.broker.remove()
        if not self.failed:
            shutil.rmtree(self.directory, ignore_errors=True)

    def play(self, trial):
        """Returns whether it came out as it must."""
        begin = time.monotonic()
        with stage.Stage(self.directory, self.broker, trial.partitions, trial.off,
                         trial.two_topics) as played:
            try:
                verdict = trial.play(played)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                verdict = stage.ledger.Verdict([str(error)] + played.faults, 0, len(played.jobs))
            ended = [ends.told(life) for life in ends.of_its_own(played.lives())]
        good = trial.is_good(verdict.faults)
        self.happened.update(played.happened)
        self.round_jobs += trial.round_jobs
        self.passed += good
        self.failed += [] if good else [trial.name]
        self.jobs, self.twice = self.jobs + verdict.executions, self.twice + verdict.started_twice
        say("%s %s: %d executions, %d started twice, %d faults%s (%.0f s)" % (
            "ok  " if good else "FAIL", trial.name, verdict.executions, verdict.started_twice,
            len(verdict.faults), ", as it must" if good and trial.fault else "",
            time.monotonic() - begin))
        for fault in verdict.faults[:SHOWN if not good else 1]:
            say("       " + fault)
        for note in played.notes:
            say("     " + note)
        for end in ended:
            say("     by itself: " + end[:200])
        if good:
            shutil.rmtree(played.directory, ignore_errors=True)
        else:
            say("     kept: " + played.directory)
        return good

    def look_back(self):
        """Over the rounds of a long form everything must have happened that can."""
        if self.round_jobs < LONG_FORM_JOBS:
            return
        missing = director.missing(self.happened)
        say("%s all rounds: %d events, none of: %s" % (
            "FAIL" if missing else "ok  ", sum(self.happened.values()), ", ".join(missing) or "-"))
        self.passed += not missing
        self.failed += ["all rounds"] if missing else []


def round_trial(seed, count, two_topics=False, **more):
    def play(played):
        round_ = director.Round(played, seed, count, lambda text: say("     " + text), **more)
        played.happened = round_.happened
        verdict = round_.play()
        say("     what happened: " + ", ".join("%s %d" % pair for pair in
                                               sorted(round_.happened.items())))
        return verdict
    grows = ", partitions added" if more.get("grow") else ""
    topics = ", two topics" if two_topics else ""
    return Trial("round of seed %d%s%s" % (seed, topics, grows), play, 6, two_topics=two_topics,
                 round_jobs=count)


def rounds(seed, count):
    while count > 0:
        yield round_trial(seed, min(count, ROUND_JOBS), seed % 8 in OF_TWO_TOPICS, grow=seed % 4 == 3)
        seed, count = seed + 1, count - ROUND_JOBS


def point_trials():
    for point in scenarios.POINTS:
        for action in ("kill", "stop"):
            yield Trial("%s at %s" % (action, point),
                        lambda played, p=point, a=action: scenarios.at_point(played, p, a))
    for point in scenarios.OF_TRANSACTIONS:
        yield Trial("rebalance at %s" % point, lambda played, p=point: scenarios.rebalance_at(played, p))
        yield Trial("broker dies at %s" % point, lambda played, p=point: scenarios.broker_dies(played, p))


def attempt_trials():
    for point in scenarios.OUTLIVED:
        yield Trial("transaction_outlived at %s" % point,
                    lambda played, p=point: scenarios.transaction_outlived(played, p))
    yield Trial("killed_between_attempts", scenarios.killed_between_attempts, 2)
    yield Trial("stopped_amid_a_long_job", scenarios.stopped_amid_a_long_job)


def backlog_trials():
    yield Trial("backlog", scenarios.backlog, 8)


def safeguard_trials():
    for name, (play, partitions, safeguard, fault) in scenarios.SAFEGUARDS.items():
        two = name in scenarios.OF_TWO_TOPICS
        yield Trial(name, play, partitions, two_topics=two)
        yield Trial("%s without %s" % (name, safeguard), play, partitions, safeguard, fault, two)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20000, help="in rounds of chaos")
    parser.add_argument("--seed", type=int, help="of the first round")
    parser.add_argument("trial", nargs="*", help="words in the names of the trials to play")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10 ** 6) if given.seed is None else given.seed
    trials = [*safeguard_trials(), *attempt_trials(), *point_trials(),
              *backlog_trials(), *rounds(seed, given.jobs)]
    trials = [one for one in trials if not given.trial or any(word in one.name for word in given.trial)]
    say("seed %d, %d trials, %s" % (seed, len(trials), library()))
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Theatre() as theatre:
        for trial in trials:
            theatre.play(trial)
        theatre.look_back()
        say("%d executions, %d started twice, %.0f s, seed %d" % (
            theatre.jobs, theatre.twice, time.monotonic() - begin, seed))
        for name in theatre.failed:
            say("failed: " + name)
        say("%d passed, %d failed, 0 skipped" % (theatre.passed, len(theatre.failed)))
    return 1 if theatre.failed or not theatre.passed else 0


if __name__ == "__main__":
    sys.exit(main())
