"""Short trials, each of which shows one thing: that a named point can be died at, and that each safeguard is
needed, since without it the same trial fails.
"""

import os
import signal
import threading
import time

import ends
import jobs
from stage import SESSION_SECONDS, cli, delivery

POINTS = ("after-start", "after-result", "before-transaction", "in-transaction", "before-commit",
          "between-commit-and-next-offsets", "after-commit", "at-takeover", "at-revoke", "revoke-drained")
OF_TRANSACTIONS = ("before-transaction", "in-transaction", "before-commit",
                   "between-commit-and-next-offsets", "after-commit")
OUTLIVED = ("in-transaction", "before-commit")
TRANSACTION_SECONDS = 10	# what a worker gives one; the coordinator looks every ten seconds
BACKLOG_JOBS = 100000
BACKLOG_KEYS = 5000
BACKLOG_CHUNK = 10000		# submitted at once
BACKLOG_MIB = 256
BACKLOG_SECONDS = 1800
AT_REBALANCES = ("at-takeover", "at-revoke", "revoke-drained")


def several(stage, count, seconds=0, kind="quick", keys=20, name="x"):
    return [jobs.make(kind, "t%d" % (number % keys), "%s%03d" % (name, number), stage.witnesses, seconds)
            for number in range(count)]


def finished_beyond(stage):
    """A worker dies while a slow job holds back the offset of what is finished behind it."""
    worker = stage.worker("one", static=True).start()
    slow = jobs.make("slow", "slow", "slow", stage.witnesses, 5)
    stage.submit([slow] + several(stage, 40))
    stage.wait_finished(40)
    worker.kill()
    worker.start()
    stage.wait_finished()
    return stage.judge()


def resubmitted(stage):
    """Executions come again: at once, and after a death."""
    worker = stage.worker("one", static=True).start()
    first = several(stage, 20)
    stage.submit(first + first[:10])
    stage.wait_finished()
    worker.kill()
    worker.start()
    stage.submit(first[5:15] + several(stage, 5, name="y"))
    stage.wait_finished()
    return stage.judge()


def ended_after_revocation(stage):
    """Jobs end while their worker, which has given their partitions up, is stopped; it wakes with their
    results and gets partitions anew."""
    settings = ["worker.revoke_grace=500ms"]
    first = stage.worker("first", settings=settings).start("revoke-drained:1:stop")
    first.wait_log("partitions assigned")
    leave = os.path.join(stage.witnesses, "leave")
    stage.submit([jobs.make("quick", "t%d" % number, "x%d" % number, stage.witnesses, until=leave)
                  for number in range(3)])
    time.sleep(0.5)
    second = stage.worker("second", settings=settings).start()
    first.wait_stopped()
    with open(leave, "w"):		# before its lease on them is over
        pass
    second.wait_log("partitions assigned")
    stage.wait_finished()
    first.send(signal.SIGCONT)
    first.wait_log("joined", 30)
    time.sleep(4)
    stage.submit(several(stage, 20, name="y"))
    stage.wait_finished()
    return stage.judge()


def joined_in_order(stage):
    """Workers join while jobs run that end within the grace of a revocation: none is begun twice."""
    stage.worker("first").start().wait_log("partitions assigned")
    stage.submit(several(stage, 60, seconds=0.8, keys=60))
    for name in ("second", "third"):
        time.sleep(1.5)
        stage.worker(name).start().wait_log("partitions assigned")
    stage.wait_finished()
    verdict = stage.judge()
    again = ["%d jobs were begun twice" % verdict.started_twice] if verdict.started_twice else []
    return verdict._replace(faults=verdict.faults + again)


def slow_transaction(stage):
    """A worker dies while one transaction takes long and later ones are ready."""
    worker = stage.worker("one", static=True).start("in-transaction:3:sleep20000")
    worker.wait_log("partitions assigned")
    for begin in range(12):
        stage.submit(several(stage, 4, name="x%d-" % begin))
        time.sleep(0.2)
    worker.wait_reached("in-transaction")
    time.sleep(1)
    worker.kill()
    stage.must(ends.holds(worker.text())[0].left is None, "it died behind the slow transaction")
    worker.start()
    stage.wait_finished(seconds=40)
    return stage.judge()


def transaction_over_a_rebalance(stage):
    """The only partition goes to another worker before a transaction has begun; it is the old generation's and
    can't be committed any more. (Of one that has begun, the other waits for the end.) Held up are the first
    two, of which one may be that of the positions alone; what neither carries, the revocation drops. The range
    assignor gives the partition to the name that comes first."""
    settings = ["worker.revoke_grace=500ms"]
    old = stage.worker("old", static=True, settings=settings).start("before-transaction:1:hold")
    old.wait_log("partitions assigned")
    stage.submit(several(stage, 20))
    cli.wait_until(lambda: stage.ended() >= 20, 30, "jobs did not run")
    new = stage.worker("new", static=True, settings=settings).start()
    new.wait_log("partitions assigned")
    cli.wait_until(lambda: stage.ended() >= 40, 30, "the other did not run them again")
    old.release()
    stage.submit(several(stage, 20, name="y"))
    stage.wait_finished()
    return stage.judge()


def long_jobs_revoked(stage):
    """Partitions go to another worker while jobs run that are longer than the grace: they are dead before it
    starts them. (Leases of a session so long run out too late to end them.)"""
    settings = ["worker.revoke_grace=500ms", "worker.slots=8", "kafka.session.timeout.ms=30000"]
    stage.worker("first", settings=settings).start().wait_log("partitions assigned")
    stage.submit(several(stage, 8, seconds=18))
    time.sleep(1)
    stage.worker("second", settings=settings).start().wait_log("partitions assigned")
    stage.wait_finished()
    return stage.judge()


def killed_between_attempts(stage):
    """A worker dies while retries wait for their time."""
    worker = stage.worker("one", static=True).start().wait_log("partitions assigned")
    stage.submit(several(stage, 10, kind="patient"))
    time.sleep(2)
    worker.kill()
    worker.start()
    stage.wait_finished()
    return stage.judge()


def stopped_amid_a_long_job(stage):
    """A worker is stopped under jobs that are longer than its session: another runs them when they are
    dead."""
    first = stage.worker("first")
    stage.worker("second").start().wait_log("partitions assigned")
    first.start("after-start:1:stop").wait_log("partitions assigned")
    stage.submit(several(stage, 8, seconds=15))
    first.wait_stopped()
    time.sleep(2 * SESSION_SECONDS)
    first.send(signal.SIGCONT)
    stage.wait_finished(seconds=150)
    return stage.judge()


def at_point(stage, point, action):
    """One of two workers is ended or stopped at a named point; a stopped one wakes behind its session."""
    static = stage.worker("static", static=True)
    other = stage.worker("other").start().wait_log("partitions assigned")
    nth = 1 if point in AT_REBALANCES else 2
    static.start("%s:%d:%s" % (point, nth, action))
    if point != "at-takeover":
        static.wait_log("partitions assigned")
    before = other.text().count("partitions revoked")
    for begin in range(6):
        stage.submit(several(stage, 30, name="x%d-" % begin) +
                     several(stage, 2, kind="flaky", name="f%d-" % begin))
        time.sleep(0.3)
    if point in ("at-revoke", "revoke-drained"):
        stage.worker("third").start()
    if action == "kill":
        static.wait()
        static.start()
    else:
        static.wait_stopped()
        time.sleep(SESSION_SECONDS + 1.5)
        if point not in AT_REBALANCES:	# where the other's may be of the one that goes on
            other.wait_again("partitions revoked", before)
        static.send(signal.SIGCONT)
    stage.submit(several(stage, 30, name="y"))
    stage.wait_finished()
    return stage.judge()


def transaction_outlived(stage, point):
    """A worker is stopped inside a transaction for longer than its session and than the transaction may take.
    Another finishes all, which it can when the coordinator has ended the transaction. The one that wakes works on:
    when the other has gone, it finishes what comes then, alone."""
    other = stage.worker("other").start().wait_log("partitions assigned")
    zombie = stage.worker("zombie", static=True).start("%s:3:stop" % point)
    zombie.wait_log("partitions assigned")
    for begin in range(6):
        stage.submit(several(stage, 30, name="x%d-" % begin))
        time.sleep(0.3)
    zombie.wait_stopped()
    stage.must(stage.wait_finished(), "the other did not finish what the stopped one had begun")
    time.sleep(TRANSACTION_SECONDS)	# where it was begun late, and committed by nobody
    before = zombie.text().count("partitions assigned")
    zombie.send(signal.SIGCONT)
    zombie.wait_again("partitions assigned", before)
    other.end()
    stage.submit(several(stage, 40, name="y"))
    stage.must(stage.wait_finished(), "the one that woke did not work on")
    stage.must(not zombie.is_gone() and not zombie.lives, "the one that woke ended")
    for hold in ends.holds(zombie.text()):
        stage.must((hold.left or 0) - hold.reached > TRANSACTION_SECONDS + SESSION_SECONDS,
                   "it was not stopped for longer than a transaction and its session")
    stage.notes.append("producers made anew: %d, batches dropped: %d" % (
        zombie.text().count("a producer was fenced and is made anew"),
        zombie.text().count("a batch was dropped")))
    verdict = stage.judge()
    idle = [] if verdict.started_twice else ["the transaction that was ended had no results"]
    return verdict._replace(faults=verdict.faults + idle)


def rebalance_at(stage, point):
    """Workers join, one after the other, while a transaction is held up at a point."""
    settings = ["worker.revoke_grace=500ms"]
    first = stage.worker("first", settings=settings).start("%s:2:hold" % point)
    first.wait_log("partitions assigned")
    stage.submit(several(stage, 20, name="early-"))
    first.wait_reached(point)
    stage.worker("second", settings=settings).start()
    first.wait_log("partitions revoked")
    stage.submit(several(stage, 20, name="amid-"))
    stage.worker("third", settings=settings).start().wait_log("cancels are read")
    time.sleep(1)
    first.release()
    stage.must(ends.told_within(first.text(), point, "partitions revoked"), "no rebalance at " + point)
    stage.submit(several(stage, 20, name="late-"))
    stage.wait_finished()
    return stage.judge()


def broker_dies(stage, point):
    """The broker dies while a transaction is at a point, and comes back."""
    worker = stage.worker("one", static=True).start("%s:3:hold" % point)
    worker.wait_log("partitions assigned")
    sender = threading.Thread(target=lambda: [
        (stage.submit(several(stage, 10, name="x%d-" % begin)), time.sleep(0.2)) for begin in range(12)])
    sender.start()
    worker.wait_reached(point)
    stage.broker.kill()
    stage.must(ends.died_within(worker.text(), point, stage.broker.outages[-1]),
               "the broker did not die at " + point)
    worker.release()
    stage.broker.start()
    sender.join()
    stage.wait_finished()
    return stage.judge()


def broker_away(stage):
    """The broker dies under a transaction and is away for longer than its records may wait, so it is aborted; the
    one behind has produced before the next try of it has, and is told of it after that."""
    worker = stage.worker("one", static=True, settings=[
        "kafka.session.timeout.ms=60000", "kafka.transaction.timeout.ms=60000",
        "kafka.message.timeout.ms=10000"]).start(
            "before-transaction:3:sleep6000,before-transaction:5:sleep3000,produced:4:sleep8000")
    worker.wait_log("partitions assigned")
    stage.submit(several(stage, 1, name="first"))	# the second transaction, after that of the positions
    stage.wait_finished()
    stage.submit(several(stage, 40, keys=1))
    cli.wait_until(lambda: stage.ended() >= 10, 30, "jobs did not run")
    stage.broker.kill()
    worker.wait_log("timed out on", 40)
    stage.broker.start()
    stage.wait_finished()
    return stage.judge()


def same_generation(stage):
    """The broker dies amid a rebalance and comes back in the generation of before: a worker that has given its
    partitions up has them again while what it did under it is not committed yet."""
    settings = ["kafka.session.timeout.ms=20000"]
    leader = stage.worker("leader", settings=settings).start().wait_log("partitions assigned")
    worker = stage.worker("one", settings=settings).start("before-transaction:2:sleep18000")
    worker.wait_log("partitions assigned")
    leave = os.path.join(stage.witnesses, "leave")
    stage.submit([jobs.make("quick", "t%d" % number, "x%d" % number, stage.witnesses, until=leave)
                  for number in range(12)])
    time.sleep(2)
    third = stage.worker("third", settings=settings).start()
    worker.wait_log("partitions revoked")
    stage.broker.kill()
    with open(leave, "w"):
        pass
    leader.kill()			# with any of the two the group would go on
    third.kill()
    stage.broker.start()
    stage.wait_finished()
    return stage.judge()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as listed:
        return [int(child) for child in listed.read().split()]


def backlog(stage):
    """One worker works off what has piled up, in bounded memory."""
    made = several(stage, BACKLOG_JOBS, kind="plain", keys=BACKLOG_KEYS)
    for begin in range(0, BACKLOG_JOBS, BACKLOG_CHUNK):
        stage.submit(made[begin:begin + BACKLOG_CHUNK])
    begin = time.monotonic()
    worker = stage.worker("one").start()
    worker.wait_log("partitions assigned")
    stage.must(stage.wait_finished(seconds=BACKLOG_SECONDS, pause=3), "the backlog is not worked off")
    seconds = time.monotonic() - begin
    peak = cli.peak_mib(worker.process.pid)
    stage.notes.append("%d requests in %.0f s, %.0f a second; peak MiB: worker %.1f, launcher %s" % (
        BACKLOG_JOBS, seconds, BACKLOG_JOBS / seconds, peak,
        ", ".join("%.1f" % cli.peak_mib(child) for child in children(worker.process.pid))))
    stage.must(peak < BACKLOG_MIB, "the worker had %.1f MiB, not less than %d" % (peak, BACKLOG_MIB))
    stage.must(not worker.lives, "it was not one worker")
    return stage.judge()


class Deaths:
    """A job that takes down whoever runs it: its worker is killed when its start is marked, each time."""

    SETTINGS = ["worker.crash_limit=3", "worker.slots=12", "worker.revoke_grace=500ms"]
    WORKERS = 3

    def __init__(self, stage):
        self.stage, self.dead, self.handed_back = stage, 0, False
        self.deadly = jobs.make("deadly", "deadly", "deadly", stage.witnesses, 25)._replace(
            topic="urgent")
        self.file = os.path.join(stage.witnesses, "deadly")

    def join(self):
        return self.stage.worker("w%d" % len(self.stage.workers), settings=self.SETTINGS).start()

    def neighbours(self, name, count, seconds):
        """Each of a key of its own, in both topics in turn: they run beside it."""
        made = [jobs.make("slow", name + str(number), name + str(number), self.stage.witnesses, seconds)
                for number in range(count)]
        return [job._replace(topic=self.stage.requests[number % 2]) for number, job in enumerate(made)]

    def holder(self):
        """The worker that runs it now: among its descendants is one that has the witness open."""
        for worker in self.stage.workers:
            if not worker.is_gone() and any(self.has_open(pid) for pid in
                                            cli.descendants(worker.process.pid)):
                return worker
        return None

    def has_open(self, pid):
        try:
            with os.scandir("/proc/%d/fd" % pid) as opened:
                return any(os.readlink(one.path) == self.file for one in opened)
        except OSError:			# it has ended
            return False

    def marks(self):
        """Its starts that code.state knows of, without those that were handed back."""
        topic, place = self.stage.topics.name("urgent"), None
        for record in delivery.read(self.stage.topics, "urgent"):
            if record.text == self.deadly.text:
                place = record.partition, record.offset
        found = set()
        for record in delivery.read(self.stage.topics, "state"):
            mark = record.value
            if (record.partition, mark.get("offset")) != place or mark.get("topic") != topic:
                continue
            if mark["type"] == "started":
                found.add(mark["worker"])
            elif mark["type"] == "handed-back":
                found.discard(mark["worker"])
        return len(found)

    def blamed(self):
        """Neighbours that a second worker died under: the first death can't tell who it was."""
        found = set()
        for name in os.listdir(self.stage.logs):
            with open(os.path.join(self.stage.logs, name), errors="replace") as log:
                found |= {line.split("executionId=")[1].split()[0] for line in log if
                          "died under this job" in line and not line.endswith("deaths=1\n")}
        return sorted(found - {"deadly"})

    def is_over(self):
        return any(record.value["executionId"] == "deadly" for record in
                   delivery.read(self.stage.topics, "results"))

    def step(self):
        worker = self.holder()
        if not worker or self.marks() <= self.dead:
            return
        if self.dead == 1 and not self.handed_back:
            self.handed_back = True	# a rebalance in order is no death
        else:
            worker.kill()
            self.dead += 1
            self.stage.submit(self.neighbours("n%d-" % self.dead, 6, 3))
        self.join().wait_log("partitions assigned", 4 * SESSION_SECONDS)


def takes_workers_down(stage):
    """A job takes three workers down, in turn; its neighbours die with the first two and are not to blame."""
    deaths = Deaths(stage)
    for worker in [deaths.join() for _ in range(deaths.WORKERS)]:
        worker.wait_log("partitions assigned")
    first = deaths.neighbours("n0-", 10, 8)	# so long that all deaths find them, without suspects
    stage.submit(first[:6] + [deaths.deadly] + first[6:])
    end = time.monotonic() + 150
    while not deaths.is_over() and time.monotonic() < end:
        deaths.step()
        time.sleep(0.1)
    stage.wait_finished()
    verdict = stage.judge()
    wrong = [] if deaths.dead == 3 else ["%d workers died under the job, not 3" % deaths.dead]
    wrong += ["%s was blamed for two deaths" % name for name in deaths.blamed()]
    return verdict._replace(faults=verdict.faults + wrong)


# by name: the trial, its partitions, the safeguard without which it must fail, and how
SAFEGUARDS = {
    "finished_beyond": (finished_beyond, 1, "state", "more than one result"),
    "resubmitted": (resubmitted, 2, "dedupe", "more than one result"),
    "ended_after_revocation": (ended_after_revocation, 2, "epoch", "more than one result"),
    "joined_in_order": (joined_in_order, 6, "drain", "begun twice"),
    "slow_transaction": (slow_transaction, 1, "order", "lost results"),
    "broker_away": (broker_away, 1, "behind", "came after that of"),
    "same_generation": (same_generation, 4, "own", "more than one result"),
    "transaction_over_a_rebalance": (transaction_over_a_rebalance, 1, "generation",
                                     "more than one result"),
    "long_jobs_revoked": (long_jobs_revoked, 2, "kill", "while another of its key was alive"),
    "takes_workers_down": (takes_workers_down, 6, "suspects", "(slow) ended as ('FAILED', 'execution.lost'"),
}
OF_TWO_TOPICS = ("takes_workers_down",)
