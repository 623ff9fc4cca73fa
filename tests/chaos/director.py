"""A round of chaos: jobs keep coming while workers are killed, stopped, ended, armed to die at named points
and joined by others, and while the broker dies. What happens is drawn from the seed; when exactly is the
machine's.
"""

import collections
import random
import signal
import threading
import time

import ends
import jobs
import scenarios
from stage import ENDED, SESSION_SECONDS

PAUSE_SECONDS = (1, 5)		# between events
OUTSTANDING = 300		# submitted and not finished, before more is submitted
CHUNK = 120
FINISH_SECONDS = 180
KEYS = 60
LONGEST_JOB_SECONDS = 3.5
FENCED_SECONDS = 60		# until who wakes beside a double has said so, also with the broker away
EXTRAS = 2			# workers that come and go beside those that stay
PROGRESS_SECONDS = 5
JOBS_FOR_AN_EVENT = 250		# a round in which less happens is none; most have more
STAYING = (("one", True), ("two", True), ("three", False))


class Round:
    """count: of jobs. broker_deaths: how often the broker may be killed. grow: partitions are added on the
    way."""

    def __init__(self, stage, seed, count, say, broker_deaths=1, grow=False):
        self.stage, self.chance, self.say = stage, random.Random(seed), say
        self.first = self.RARE[seed % len(self.RARE)]
        self.todo = jobs.mixed(self.chance, count, KEYS, stage.witnesses, 0 if grow else 0.04,
                               stage.requests)
        self.broker_deaths, self.grow, self.grows = broker_deaths, grow, grow
        self.later = []			# (when, what): what was begun and is to be undone
        self.happened = collections.Counter()
        self.retired = []		# those whose worker.id another has now
        self.extras, self.broker_thread, self.sent, self.total = 0, None, 0, len(self.todo)
        self.begin = time.monotonic()

    def at(self, seconds, action):
        self.later.append((time.monotonic() + seconds, action))

    def running(self):
        return [worker for worker in self.stage.workers if not worker.is_gone() and
                not worker.is_stopped() and worker not in self.retired]

    def some(self):
        found = self.running()
        return self.chance.choice(found) if found else None

    # ---- what can happen: each says whether it did

    def kill(self):
        worker = self.some()
        if worker:
            worker.kill()
            self.at(self.chance.choice([0, 0.5, 2, SESSION_SECONDS + 1]), lambda: self.restart(worker))
        return worker

    def restart(self, worker, points=""):
        if worker.is_gone() and worker not in self.retired:
            worker.start(points)

    def arm(self, action):
        """One is killed and comes back with a point at which it ends or stops itself."""
        worker = self.some()
        if worker:
            point = self.chance.choice(scenarios.POINTS)
            nth = 1 if point in scenarios.AT_REBALANCES else self.chance.randrange(1, 25)
            worker.kill()
            worker.start("%s:%d:%s" % (point, nth, action))
        return worker

    def arm_to_die(self):
        return self.arm("kill")

    def arm_to_stop(self):
        return self.arm("stop")

    def stop(self):
        worker = self.some()
        if worker:
            worker.send(signal.SIGSTOP)
        return worker

    def end(self):
        worker = self.some()
        if worker:
            worker.send(signal.SIGTERM, *ENDED)
            self.at(self.chance.choice([0.5, 3]), lambda: self.restart(worker))
        return worker

    def join(self):
        extra = [worker for worker in self.stage.workers if worker.name.startswith("extra")]
        if len([worker for worker in extra if not worker.is_gone()]) >= EXTRAS:
            return False
        self.extras += 1
        return self.stage.worker("extra%d" % self.extras).start()

    def double(self):
        """Another worker with the same worker.id while the first is stopped, and has no job any more (the
        group gives its partitions to the other at once): it wakes fenced, says so and ends."""
        static = [worker for worker in self.running() if worker.static and ends.JOINED in worker.text()]
        if not static:
            return False
        old = self.chance.choice(static)
        old.send(signal.SIGSTOP)
        self.retired.append(old)
        time.sleep(LONGEST_JOB_SECONDS)
        twin = self.stage.worker(old.name, static=True).start()
        twin.wait_log("partitions assigned", SESSION_SECONDS * 4)
        old.send(signal.SIGCONT)
        self.wait_fenced(old.name)
        self.stage.must(not twin.is_gone() or ends.is_excused_twin(
            twin.lives[-1], self.stage.lives(), self.stage.broker.outages),
            "%s was fenced by one that woke" % twin.name)
        return True

    def wait_fenced(self, name):
        """Until at most one of the name is left; how the others ended is judged with all ends."""
        end = time.monotonic() + FENCED_SECONDS
        while time.monotonic() < end:
            here = [worker for worker in self.stage.workers if worker.name == name and not worker.is_gone()]
            if len(here) < 2:
                return
            for worker in here:		# at a point that it was armed for
                if worker.is_stopped():
                    worker.send(signal.SIGCONT)
            time.sleep(0.1)
        self.stage.must(False, "two workers go on as %s" % name)

    def broker_is_back(self):
        return not (self.broker_thread and self.broker_thread.is_alive())

    def broker_dies(self):
        if self.broker_deaths == 0 or not self.broker_is_back():
            return False
        self.broker_deaths -= 1
        self.broker_thread = threading.Thread(target=self.broker_restart)
        self.broker_thread.start()
        return True

    def broker_restart(self):
        self.stage.broker.kill()
        self.stage.broker.start()

    def broker_pauses(self):
        if not self.broker_is_back():
            return False
        self.stage.broker.signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.5, 2))
        self.stage.broker.signal(signal.SIGCONT)
        return True

    WEIGHTS = {"kill": 18, "arm_to_die": 26, "arm_to_stop": 8, "stop": 7, "end": 12, "join": 9,
               "double": 4, "broker_dies": 4, "broker_pauses": 4}
    RARE = ("arm_to_stop", "double", "broker_dies", "broker_pauses")	# one begins a round, by its seed
    KINDS = (*WEIGHTS, "grow", "died at a point", "stopped at a point")

    # ---- the round

    def happen(self):
        names = list(self.WEIGHTS)
        for name in self.chance.choices(names, self.WEIGHTS.values(),
                                        k=2 if self.chance.random() < 0.25 else 1):
            self.do(name)

    def do(self, name):
        if getattr(self, name)():
            self.happened[name] += 1

    def keep_up(self):
        """What is due later; those who stopped wake when their session is over; those who stay come back."""
        due = [action for when, action in self.later if when <= time.monotonic()]
        self.later = [entry for entry in self.later if entry[0] > time.monotonic()]
        for action in due:
            action()
        for worker in self.stage.workers:
            if worker.is_stopped() and not getattr(worker, "waking", False):
                worker.waking = True
                self.at(self.chance.choice([1, SESSION_SECONDS + 2]), lambda w=worker: self.wake(w))
        if not self.later:
            for name, _ in STAYING:
                for worker in self.stage.workers:
                    if worker.name == name:
                        self.restart(worker)	# of doubles, the one that is not retired

    def wake(self, worker):
        worker.waking = False
        worker.send(signal.SIGCONT)

    def events(self):
        return sum(self.happened[name] for name in self.WEIGHTS)

    def submit_some(self, finished):
        """Jobs wait for events, too: a fast machine would be through before much has happened to it."""
        while self.todo and self.sent - finished < OUTSTANDING and \
                self.sent <= JOBS_FOR_AN_EVENT * self.events():
            chunk, self.todo = self.todo[:CHUNK], self.todo[CHUNK:]
            self.stage.submit(chunk)
            self.sent = self.stage.expected()

    def play(self):
        """Returns the verdict."""
        for name, static in STAYING:
            self.stage.worker(name, static=static).start()
        self.stage.workers[0].wait_log("partitions assigned")
        finished, next_at, told = 0, 0, 0
        while self.todo or finished < 0.8 * self.sent:
            self.submit_some(finished)
            if self.grow and self.sent > self.total / 3:
                self.grow = False
                self.stage.grow()
                self.happened["grow"] += 1
            if time.monotonic() >= next_at:
                self.do(self.first) if next_at == 0 else self.happen()
                next_at = time.monotonic() + self.chance.uniform(*PAUSE_SECONDS)
            self.keep_up()
            finished = max(finished, self.stage.finished())
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                self.say("%4.0f s: %d of %d submitted, %d finished" % (
                    told - self.begin, self.total - len(self.todo), self.total, finished))
            time.sleep(0.1)
        return self.close()

    def close(self):
        """Quiet now: everybody is back, and what was submitted is finished."""
        if self.broker_thread:
            self.broker_thread.join()
        self.later = []
        end = time.monotonic() + FINISH_SECONDS
        while self.stage.finished() < self.stage.expected() and time.monotonic() < end:
            self.keep_up()
            time.sleep(0.3)
        time.sleep(1)
        for worker in self.stage.workers:
            worker.send(signal.SIGCONT)
        for name in {worker.name for worker in self.retired}:
            self.wait_fenced(name)
        self.say("finished after %.0f s; reading" % (time.monotonic() - self.begin))
        self.count()
        return self.stage.judge(points_are_due=False, keys_moved=self.grows)

    def count(self):
        """Whether enough happened; and how many reached the point that they were armed for."""
        events = self.events()
        least = self.total // JOBS_FOR_AN_EVENT
        self.stage.must(events >= least, "%d events, not %d, in a round of %d jobs" % (
            events, least, self.total))
        lives = self.stage.lives()
        for what, action in (("died at a point", "kill"), ("stopped at a point", "stop")):
            self.happened[what] += sum(ends.was_at_point(life, action) for life in lives)


def missing(happened):
    """Kinds of events that rounds came without."""
    return [kind for kind in Round.KINDS if not happened[kind]]
