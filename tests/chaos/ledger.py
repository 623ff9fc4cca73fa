"""What came of the jobs: a judgement over records and witness files that knows nothing of the worker.

Records are read by kcat with read_committed, so what is judged is what any consumer sees. The topic of
requests itself says what was submitted, and in which order.
"""

import collections
import json
import os

from jobs import KINDS, UNWITNESSED, RETRY_DELAYS_MS

CLOCK_MS = 20			# of /proc/uptime, whose last digit is 10 ms

Verdict = collections.namedtuple("Verdict", "faults started_twice executions")
Line = collections.namedtuple("Line", "what execution attempt at_ms")


def _place(record):
    return record.topic, record.partition, record.offset


class Submitted:
    """The requests: what was first submitted where, by execution; what can't be read, by place. One that is in
    two topics may run as any of its copies: which is read first, is open anew after each takeover."""

    def __init__(self, records, jobs):
        self.place, self.order, self.garbage = {}, {}, set()
        self.places = collections.defaultdict(set)
        by_text = {job.text: job for job in jobs}
        self.jobs = {}
        for number, record in enumerate(records):
            job = by_text[record.text]
            if job.kind == "garbage":
                self.garbage.add(_place(record))
                continue
            self.places[job.execution].add(_place(record))
            if job.execution not in self.place:
                self.place[job.execution] = _place(record)
                self.order[job.execution] = number
                self.jobs[job.execution] = job
        self.across = {name for name, places in self.places.items()
                       if len({topic for topic, _, _ in places}) > 1}
        self.unsent = {job.execution for job in jobs if job.kind != "garbage"} - set(self.jobs)

    def failed(self):
        return {name for name, job in self.jobs.items() if KINDS[job.kind].status == "FAILED"}

    def line(self, name):
        """In which its order is kept: its key's requests of one topic. None: in none."""
        return None if name in self.across else (self.jobs[name].key, self.place[name][0])


def _some(names, number=5):
    names = sorted(names)
    return "%d: %s" % (len(names), ", ".join(map(str, names[:number])))


def check_finals(submitted, results):
    times = collections.Counter(record.value["executionId"] for record in results)
    lost = set(submitted.jobs) - set(times)
    twice = {name for name, count in times.items() if count > 1}
    alien = set(times) - set(submitted.jobs)
    faults = ["requests not in their topic, %s" % _some(submitted.unsent)] if submitted.unsent else []
    faults += ["lost results, %s" % _some(lost)] if lost else []
    faults += ["more than one result, %s" % _some(twice)] if twice else []
    faults += ["results without a request, %s" % _some(alien)] if alien else []
    return faults


def check_outcomes(submitted, results):
    faults = []
    for record in results:
        value = record.value
        job = submitted.jobs.get(value["executionId"])
        if job is None:
            continue
        kind = KINDS[job.kind]
        expected = (kind.status, kind.code, 1 + kind.failures)
        found = (value["status"], value["error"] and value["error"]["code"], value["attempt"])
        if found != expected:
            faults.append("%s (%s) ended as %s, not %s" % (job.execution, job.kind, found, expected))
        if kind.status == "COMPLETED":
            said = value["output"] if job.kind == "value" else (value["stdout"] or "").strip()
            if said != job.execution:
                faults.append("%s said %r" % (job.execution, said))
    return faults


def check_order(submitted, results):
    """A key's results in the order of its requests in each topic; one that was retried may let others pass,
    and one that expired waits for none."""
    faults, latest = [], collections.defaultdict(lambda: (-1, ""))
    for record in results:
        name = record.value["executionId"]
        job = submitted.jobs.get(name)
        if job is None or KINDS[job.kind].failures or job.kind == "expired":
            continue
        line = submitted.line(name)
        here = (submitted.order[name], name)
        if line and here < latest[line]:
            faults.append("result of %s came after that of %s" % (name, latest[line][1]))
        latest[line] = max(here, latest[line])
    return faults


def check_events(submitted, errors):
    faults, seen, finals = [], collections.Counter(), collections.Counter()
    for record in errors:
        value = record.value
        if value["threadId"] is None:
            continue
        seen[value["executionId"], value["attempt"]] += 1
        finals[value["executionId"]] += value["final"]
    due = {(name, attempt) for name, job in submitted.jobs.items()
           for attempt in range(1, KINDS[job.kind].failures + 1 + (KINDS[job.kind].status == "FAILED"))}
    finals = +finals
    missing, alien = due - set(seen), set(seen) - due
    twice = {name for name, count in finals.items() if count > 1}
    odd = set(finals) ^ submitted.failed()
    faults += ["failed attempts without an event, %s" % _some(missing)] if missing else []
    faults += ["events without a failed attempt, %s" % _some(alien)] if alien else []
    faults += ["more than one final event, %s" % _some(twice)] if twice else []
    again = {name for name, count in seen.items() if count > 1}
    faults += ["attempts that failed and were made again, %s" % _some(again)] if again else []
    faults += ["final events and failures differ, %s" % _some(odd)] if odd else []
    return faults


def check_dead(submitted, dead):
    copies = {place: submitted.place[name] for name in submitted.across
              for place in submitted.places[name]}
    found = [(record.headers["__dlq.errors.topic"], int(record.headers["__dlq.errors.partition"]),
              int(record.headers["__dlq.errors.offset"])) for record in dead]
    times = collections.Counter(copies.get(place, place) for place in found)
    due = submitted.garbage | {submitted.place[name] for name in submitted.failed()}
    twice = {place for place, count in times.items() if count > 1}
    faults = ["failures without a dead letter, %s" % _some(due - set(times))] if due - set(times) else []
    faults += ["dead letters without a failure, %s" % _some(set(times) - due)] if set(times) - due else []
    faults += ["more than one dead letter, %s" % _some(twice)] if twice else []
    return faults


def witness_lines(path):
    with open(path) as file:
        for text in file:
            what, execution, attempt, *at = text.split()
            yield Line(what, execution, int(attempt), round(float(at[0]) * 1000) if at else None)


def check_overlap(lines):
    return ["attempt %d of %s began while another of its key was alive" % (line.attempt, line.execution)
            for line in lines if line.what == "overlap"]


def check_starts(submitted, lines):
    """First attempts begin in the order of the requests of each topic."""
    faults, begun, latest = [], set(), {}
    for line in lines:
        name = line.execution
        if line.what != "start" or line.attempt != 1 or name in begun or name not in submitted.order:
            continue
        begun.add(name)
        here, queue = submitted.order[name], submitted.line(name)
        if queue and here < latest.get(queue, here):
            faults.append("%s began out of order" % name)
        latest[queue] = here
    return faults


def check_due(submitted, lines):
    """A retry begins no earlier than its delay after the end of the attempt before."""
    faults, ended = [], {}
    for line in lines:
        if line.what == "end":
            ended[line.execution, line.attempt] = line.at_ms
        before = ended.get((line.execution, line.attempt - 1))
        job = submitted.jobs.get(line.execution)
        delay_ms = RETRY_DELAYS_MS.get(job.kind, 0) if job else 0
        if line.what == "start" and before and line.at_ms < before + delay_ms - CLOCK_MS:
            faults.append("attempt %d of %s began %d ms after the one before" % (
                line.attempt, line.execution, line.at_ms - before))
    return faults


def check_numbers(lines):
    """Attempt numbers go on over a crash: none begins behind a later one."""
    faults, highest = [], collections.Counter()
    for line in lines:
        if line.what != "start":
            continue
        if line.attempt < highest[line.execution]:
            faults.append("attempt %d of %s began after attempt %d" % (
                line.attempt, line.execution, highest[line.execution]))
        highest[line.execution] = max(line.attempt, highest[line.execution])
    return faults


def check_witnesses(submitted, directory, keys_moved):
    faults, starts = [], collections.Counter()
    for name in sorted(os.listdir(directory)):
        lines = list(witness_lines(os.path.join(directory, name)))
        starts.update((line.execution, line.attempt) for line in lines if line.what == "start")
        faults += check_due(submitted, lines)
        if not keys_moved:
            faults += check_overlap(lines) + check_starts(submitted, lines) + check_numbers(lines)
    ran = {execution for execution, _ in starts}
    idle = {name for name, job in submitted.jobs.items() if job.kind not in UNWITNESSED} - ran
    faults += ["results of jobs that never began, %s" % _some(idle)] if idle else []
    twice = sum(1 for count in starts.values() if count > 1)
    return faults, twice


def check_offsets(committed, ends):
    return ["%s, partition %d is committed to %d of %d" % (*place, committed[place], end)
            for place, end in sorted(ends.items()) if committed[place] != end]


def judge(jobs, records, directory, committed, ends, keys_moved=False):
    """records: by role, what the topics hold; of requests, those of all their topics. committed, ends: by
    (role, partition). keys_moved: partitions were added, so keys may have lost their order."""
    submitted = Submitted(records["requests"], jobs)
    faults = check_finals(submitted, records["results"]) + check_outcomes(submitted, records["results"])
    if not keys_moved:
        faults += check_order(submitted, records["results"])
    faults += check_events(submitted, records["errors"])
    faults += check_dead(submitted, records["dead"])
    faults += check_offsets(committed, ends)
    more, twice = check_witnesses(submitted, directory, keys_moved)
    return Verdict(faults + more, twice, len(submitted.jobs))
