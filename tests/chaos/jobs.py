"""Seeded jobs of every outcome, and what each must come to.

Most leave a witness: a job holds a lock (flock(2)) on its key's file while it lives and appends a line at
its start and at its end. The kernel gives a lock back when the last process that has it is dead, so one that
finds it taken has found another attempt of its key alive, whoever started it and whatever became of its
result.
"""

import collections
import json

Kind = collections.namedtuple("Kind", "weight status code failures")

# failures: attempts that fail before the one that decides
KINDS = {
    "quick": Kind(56, "COMPLETED", None, 0),
    "value": Kind(8, "COMPLETED", None, 0),
    "slow": Kind(6, "COMPLETED", None, 0),
    "long": Kind(0.5, "COMPLETED", None, 0),
    "strict": Kind(2, "COMPLETED", None, 0),
    "flaky": Kind(8, "COMPLETED", None, 1),
    "exit": Kind(6, "FAILED", "execution.exit", 0),
    "patient": Kind(0, "COMPLETED", None, 1),
    "hopeless": Kind(4, "FAILED", "execution.exit", 1),
    "refused": Kind(3, "FAILED", "code.security", 0),
    "unsupported": Kind(2, "FAILED", "code.unsupported", 0),
    "expired": Kind(2, "SKIPPED", "expired", 0),
    "malformed": Kind(2, "FAILED", "request.malformed", 0),
    "garbage": Kind(1, None, None, 0),
    "plain": Kind(0, "COMPLETED", None, 0),
    "deadly": Kind(0, "FAILED", "execution.lost", 0),	# by whoever kills its workers
}
UNWITNESSED = ("strict", "plain", "refused", "unsupported", "expired", "malformed", "garbage")
RETRY_DELAYS_MS = {"flaky": 400, "hopeless": 400, "patient": 3000}

SCRIPT = """exec 9>>{file}
flock -n 9 || echo overlap $CODE_EXECUTION_ID $CODE_ATTEMPT >&9
read now _ </proc/uptime
echo start $CODE_EXECUTION_ID $CODE_ATTEMPT $now >&9
{body}
read now _ </proc/uptime
echo end $CODE_EXECUTION_ID $CODE_ATTEMPT $now >&9
{last}
"""

# topic: the role of the topic of requests that it is written to
Job = collections.namedtuple("Job", "execution key kind seconds text topic", defaults=["requests"])

URGENT = 0.3			# of the jobs, where there are two topics
ACROSS = 0.3			# of the resubmissions there, that go to the other topic


def _shape(kind, execution, seconds, until):
    """What a kind's script does and how it ends, and its request's other fields."""
    body = "sleep %.2f" % seconds if seconds else ":"
    if until:
        body = "until [ -e %s ]; do sleep 0.05; done" % until
    fails = "exit 3"
    if kind == "value":
        return "echo '\"%s\"' >$CODE_OUTPUT" % execution, ":", {}
    if kind in ("flaky", "patient"):
        return body, "[ $CODE_ATTEMPT -gt 1 ] || exit 3\necho $CODE_EXECUTION_ID", {
            "retries": 2, "retryDelayMs": RETRY_DELAYS_MS[kind]}
    if kind == "hopeless":
        return body, fails, {"retries": 1, "retryDelayMs": RETRY_DELAYS_MS[kind]}
    if kind == "exit":
        return body, fails, {}
    return body, "echo $CODE_EXECUTION_ID", {}


def make(kind, thread, execution, directory, seconds=0, until=None):
    """until: a file for which the job waits."""
    request = {"threadId": thread, "nodeId": "n", "executionId": execution, "scriptType": "shell",
               "risk": "none"}
    if kind in UNWITNESSED:
        request["code"] = "echo $CODE_EXECUTION_ID"
    else:
        body, last, fields = _shape(kind, execution, seconds, until)
        request.update(fields, code=SCRIPT.format(file="%s/%s" % (directory, thread), body=body,
                                                  last=last))
    request.update({"strict": {"risk": "high"}, "expired": {"deadline": 1000},
                    "refused": {"risk": "medium", "code": "shutdown"},
                    "unsupported": {"scriptType": "cobol"},
                    "malformed": {"timeoutMs": -1}}.get(kind, {}))
    text = "{ not a request: %s" % execution if kind == "garbage" else json.dumps(request)
    return Job(execution, thread + ":n", kind, seconds, text)


def _topic(chance, topics, likely):
    """The second of two topics as often as that; of one nothing is drawn, so its seeds stay what they were."""
    return topics[chance.random() < likely] if len(topics) > 1 else topics[0]


def _again(chance, job, topics):
    others = [topic for topic in topics if topic != job.topic]
    return job._replace(topic=_topic(chance, [job.topic] + others, ACROSS))


def mixed(chance, count, keys, directory, duplicates=0.04, topics=("requests",)):
    """Jobs in the order of their submission; some executions are submitted again, at once or later, in either
    topic. Every key has jobs in each."""
    made, pool = [], []
    names = list(KINDS)
    for number in range(count):
        kind = chance.choices(names, [KINDS[name].weight for name in names])[0]
        seconds = {"slow": chance.uniform(0.2, 0.8), "long": chance.uniform(2, 3)}.get(kind, 0)
        job = make(kind, "t%d" % chance.randrange(keys), "x%05d" % number, directory, seconds)
        job = job._replace(topic=_topic(chance, topics, URGENT))
        made.append(job)
        if kind not in ("malformed", "garbage"):
            pool = pool[-200:] + [job]
        while pool and chance.random() < duplicates:
            again = chance.choice([job, pool[-1], chance.choice(pool)]) if kind not in (
                "malformed", "garbage") else chance.choice(pool)
            made.append(_again(chance, again, topics))
    return made
