"""What a trial is played on: topics of its own on a real broker, workers that can be killed, stopped and
armed, and the reading of all that they left.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
import cli_support as cli
import delivery_support as delivery
import ends
import ledger
from jobs import UNWITNESSED

PROGRAM = os.path.join(os.environ.get("BUILD", os.path.join(ROOT, "build")), "chaos", "codeworker")
URGENT_WEIGHT = 8
SESSION_SECONDS = 6			# the least that a broker allows by default
SETTINGS = ["http.listen=off", "policy.isolation_floor=none", "worker.slots=3", "log.format=text",
            "worker.shutdown_grace=10s", "worker.crash_limit=1000",	# no job is to blame
            "kafka.session.timeout.ms=%d" % (SESSION_SECONDS * 1000),
            "kafka.heartbeat.interval.ms=500"]
LAUNCHED_SECONDS = 30
ENDED = (0, -signal.SIGTERM)		# the latter before it could mind the signal


class Broker:
    """A broker that notes when it was away; in all else the one given."""

    def __init__(self, kafka):
        self.kafka, self.outages = kafka, []

    def __getattr__(self, name):
        return getattr(self.kafka, name)

    def kill(self):
        begin = time.monotonic()
        self.outages.append(ends.Outage(begin, None, None))
        self.kafka.kill()
        self.outages[-1] = ends.Outage(begin, time.monotonic(), None)

    def start(self):
        self.kafka.start()
        self.outages[-1] = self.outages[-1]._replace(back=time.monotonic())


class Worker:
    """One member of the group over its deaths. lives: those that are over."""

    def __init__(self, stage, name, static=False, settings=()):
        self.stage, self.name = stage, name
        self.settings = list(settings) + (["worker.id=" + name] if static else [])
        self.static, self.process = static, None
        self.meant = set()		# exit statuses that were asked for
        self.lives = []

    def start(self, points="", off=""):
        given = [piece for setting in SETTINGS + ["kafka.group.id=" + self.stage.group] + self.settings
                 for piece in ("--set", setting)]
        self.path = os.path.join(self.stage.logs, "%03d-%s.log" % (
            len(os.listdir(self.stage.logs)), self.name))
        self.begin, self.points, self.meant = time.monotonic(), points, set()
        with open(self.path, "w") as log:
            self.process = subprocess.Popen(
                [PROGRAM] + self.stage.topics.arguments("run", *given), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=dict(
                    os.environ, CHAOS_POINTS=points, CHAOS_RELEASE=self.path + ".release",
                    CHAOS_OFF=off or self.stage.off))
        return self

    def life(self, end=None, status=None):
        return ends.Life(self.name, self.static, self.begin, end, status, set(self.meant), self.points,
                         self.text())

    def text(self):
        with open(self.path, errors="replace") as log:
            return log.read()

    def wait_log(self, words, seconds=LAUNCHED_SECONDS):
        cli.wait_until(lambda: words in self.text() or self.is_gone(), seconds,
                       "%s never said %r:\n%s" % (self.name, words, self.text()[-2000:]))
        return self

    def wait_again(self, words, before, seconds=LAUNCHED_SECONDS):
        """Until it has said them more often than before."""
        cli.wait_until(lambda: self.text().count(words) > before or self.is_gone(), seconds,
                       "%s did not say %r again:\n%s" % (self.name, words, self.text()[-2000:]))

    def wait_reached(self, point, seconds=LAUNCHED_SECONDS):
        return self.wait_log("chaos: %s reached " % point, seconds)

    def release(self):
        """What is held up at a point goes on."""
        with open(self.path + ".release", "w"):
            pass

    def is_gone(self):
        """Whether it has ended; the first time, notes how."""
        if self.process is None:
            return True
        status = self.process.poll()
        if status is None:
            return False
        self.lives.append(self.life(time.monotonic(), status))
        self.process = None
        return True

    def is_stopped(self):
        try:
            with open("/proc/%d/stat" % self.process.pid) as stat:
                return stat.read().rpartition(")")[2].split()[0] == "T"
        except (OSError, AttributeError):
            return False

    def wait_stopped(self, seconds=30):
        cli.wait_until(lambda: self.is_stopped() or self.is_gone(), seconds,
                       "%s never stopped itself:\n%s" % (self.name, self.text()[-2000:]))

    def send(self, number, *meant):
        if not self.is_gone():
            self.meant |= set(meant)
            self.process.send_signal(number)

    def kill(self):
        self.send(signal.SIGKILL, -signal.SIGKILL)
        self.wait()

    def wait(self, seconds=60):
        cli.wait_until(self.is_gone, seconds, "%s did not end:\n%s" % (
            self.name, self.text()[-2000:]))

    def end(self):
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM, *ENDED)
        self.wait()


class Topics(cli.Topics):
    """The seven, and a second one of requests."""

    def __init__(self):
        super().__init__()
        self.names["urgent"] = self.names["requests"] + ".urgent"

    def arguments(self, command, *options):
        return super().arguments(command, *options, "--set", "topics.priorities.%s=%d" % (
            self.names["urgent"], URGENT_WEIGHT))


class Stage:
    """directory: kept by the caller, where jobs can reach it (they have a /tmp of their own). off: safeguards
    that every worker has switched off. two_topics: of requests."""

    def __init__(self, directory, broker, partitions=6, off="", two_topics=False):
        self.broker, self.off, self.partitions = broker, off, partitions
        self.group = "chaos-" + uuid.uuid4().hex[:12]
        self.topics = Topics() if two_topics else cli.Topics()
        self.requests = ("requests", "urgent") if two_topics else ("requests",)
        self.directory = tempfile.mkdtemp(prefix="trial-", dir=directory)
        self.logs, self.witnesses = (os.path.join(self.directory, name) for name in
                                     ("logs", "witnesses"))
        os.chmod(self.directory, 0o755)
        os.mkdir(self.logs)
        os.mkdir(self.witnesses)
        os.chmod(self.witnesses, 0o777)	# jobs are other users
        self.workers, self.jobs = [], []
        self.faults = []		# other than those of the ledger
        self.happened = {}		# what was done, and how often
        self.notes = []			# what is worth knowing of a trial
        self.topics.create(partitions)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            if worker.process and worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()

    def worker(self, name, **more):
        self.workers.append(Worker(self, name, **more))
        return self.workers[-1]

    def lives(self):
        return [life for worker in self.workers
                for life in worker.lives + ([worker.life()] if worker.process else [])]

    def must(self, condition, fault):
        if not condition:
            self.faults.append(fault)

    def submit(self, jobs):
        """Insists until the broker has them; what it then has twice is a resubmission."""
        self.jobs += jobs
        for job in jobs:		# made by root with a umask, a file would be closed to the jobs
            if job.kind in UNWITNESSED:
                continue
            path = os.path.join(self.witnesses, job.key.partition(":")[0])
            if not os.path.exists(path):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                os.chmod(path, 0o666)
        for role in self.requests:
            written = [job for job in jobs if job.topic == role]
            if written:
                self._submit(role, written)

    def _submit(self, role, jobs):
        lines = "".join("%s\t%s\n" % (job.key, job.text) for job in jobs)
        for _ in range(30):
            try:
                cli.kcat("-P", "-t", self.topics.name(role), "-K", "\t", "-X",
                         "partitioner=murmur2_random", "-X", "enable.idempotence=true",
                         "-X", "message.timeout.ms=30000", stdin=lines)
                return
            except (AssertionError, subprocess.TimeoutExpired):
                time.sleep(1)
        raise AssertionError("the broker took no requests")

    def grow(self):
        """More partitions, those of the internal topics first, of topics.requests last."""
        self.partitions += 2
        for role in ("state", "retries", *reversed(self.requests)):
            self.broker.partitions_set(self.topics.name(role), self.partitions)

    def expected(self):
        return len({job.execution for job in self.jobs if job.kind != "garbage"})

    def finished(self):
        """How many results there are now; 0 while no broker answers."""
        try:
            return len(cli.kcat("-C", "-t", self.topics.name("results"), "-o", "beginning", "-e",
                                "-X", "isolation.level=read_committed", "-f", "%o\n").split())
        except (AssertionError, subprocess.TimeoutExpired):
            return 0

    def ended(self):
        """How many attempts have ended, whatever became of them."""
        count = 0
        for name in os.listdir(self.witnesses):
            with open(os.path.join(self.witnesses, name)) as witness:
                count += sum(line.startswith("end ") for line in witness)
        return count

    def wait_finished(self, count=None, seconds=90, pause=0.3):
        """Returns whether so many (or all) came in time."""
        end = time.monotonic() + seconds
        while self.finished() < (self.expected() if count is None else count):
            if time.monotonic() > end or all([worker.is_gone() for worker in self.workers]):
                return False
            time.sleep(pause)
        return True

    def offsets(self):
        """By topic's role and partition: what the group has committed, and where the log ends."""
        places = [(role, number) for role in (*self.requests, "retries")
                  for number in range(self.topics.partitions(role))]
        return ({(role, number): delivery.committed(self.group, self.topics.name(role), number)
                 for role, number in places},
                {(role, number): delivery.end_offset(self.topics.name(role), number)
                 for role, number in places})

    def wait_offsets(self, seconds=20):
        """Those at the end, or what they are when it is too late. A partition without requests has none."""
        end = time.monotonic() + seconds
        while True:
            committed, ends = self.offsets()
            due = {place: offset for place, offset in ends.items() if offset > 0}
            if all(committed[place] == due[place] for place in due) or time.monotonic() > end:
                return committed, due
            time.sleep(0.3)

    def judge(self, points_are_due=True, **more):
        """Ends all workers in order and reads what they left. Returns the verdict, with how they ended.
        points_are_due: each that was armed must have been reached."""
        committed, log_ends = self.wait_offsets()
        threads = [threading.Thread(target=worker.end) for worker in self.workers if not worker.is_gone()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = [worker.name for worker in self.workers if not worker.is_gone()]
        records = {role: delivery.read(self.topics, role) for role in ("results", "errors", "dead")}
        records["requests"] = [record for role in self.requests
                               for record in delivery.read(self.topics, role)]
        verdict = ledger.judge(self.jobs, records, self.witnesses, committed, log_ends, **more)
        lives = self.lives()
        faults = verdict.faults + self.faults + ends.check(lives, self.broker.outages)
        if points_are_due:
            faults += [fault for life in lives for fault in ends.unreached(life)]
        return verdict._replace(faults=faults + ["%s does not end" % name for name in left])
