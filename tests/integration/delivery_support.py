"""What the tests of delivery share: requests in bulk, workers that can be killed, and a ledger.

The ledger reads with kcat and read_committed and knows nothing of the worker's code: what it finds is what
any consumer of the results would find.
"""

import collections
import ctypes
import json
import re
import signal
import subprocess
import tempfile
import time
import uuid

import cli_support as cli


def request(thread, node, execution=None, **fields):
    made = {"threadId": thread, "nodeId": node, "scriptType": "shell", "code": ":"}
    if execution is not None:
        made["executionId"] = execution
    made.update(fields)
    return made


def publish(topics, requests, headers=(), role="requests"):
    """Each request as a JSON record, keyed as Java would key it. A pair is (key, raw text)."""
    lines = []
    for one in requests:
        key, text = one if isinstance(one, tuple) else (
            "%s:%s" % (one["threadId"], one["nodeId"]), json.dumps(one))
        assert "\n" not in text and "\t" not in key
        lines.append(key + "\t" + text)
    options = [piece for name, value in headers for piece in ("-H", "%s=%s" % (name, value))]
    cli.kcat("-P", "-t", topics.name(role), "-K", "\t", "-X", "partitioner=murmur2_random",
             *options, stdin="\n".join(lines) + "\n")


class Record:
    def __init__(self, line):
        self.topic, self.partition = line["topic"], line["partition"]
        self.offset, self.key = line["offset"], line["key"]
        names = line.get("headers", [])
        self.header_list = list(zip(names[::2], names[1::2]))
        self.headers = dict(self.header_list)
        self.text = line["payload"]

    @property
    def value(self):
        return json.loads(self.text)


def read(topics, role):
    return [Record(line) for line in topics.read(role)]


def results(topics):
    """By executionId: the final results, oldest first."""
    found = collections.defaultdict(list)
    for record in read(topics, "results"):
        found[record.value["executionId"]].append(record)
    return found


def wait_results(topics, count, seconds=60, worker=None):
    """Waits until so many executions have a result."""
    end = time.monotonic() + seconds
    while True:
        found = results(topics)
        if len(found) >= count:
            return found
        if worker and worker.process.poll() is not None:
            raise AssertionError("the worker ended with %s:\n%s" %
                                 (worker.process.returncode, worker.text()))
        if time.monotonic() > end:
            raise AssertionError("%d of %d results after %d s\n%s" %
                                 (len(found), count, seconds, worker.text() if worker else ""))
        time.sleep(0.1)


class Worker:
    """`codeworker run`, which may also be killed."""

    def __init__(self, topics, group=None, settings=(), options=()):
        self.topics, self.group = topics, group or uuid.uuid4().hex[:12]
        self.settings = ["kafka.group.id=" + self.group, "http.listen=off", "worker.slots=2",
                         *settings]
        self.options = list(options)
        self.log = tempfile.TemporaryFile("a+")	# a reader moves where both stand
        self.process = None

    def start(self):
        given = [piece for setting in self.settings for piece in ("--set", setting)]
        self.process = subprocess.Popen(
            [cli.PROGRAM] + self.topics.arguments("run", *given, *self.options),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if error:
            print(self.text())
        self.log.close()

    def text(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read()[-6000:]

    def events(self, message):
        """The lines of the log (its end, as of text()) that say just this, as dicts."""
        lines = self.text().splitlines()
        return [event for event in map(json.loads, filter(re.compile(r"{.*}$").match, lines))
                if event["message"] == message]

    def wait_log(self, words, seconds=30):
        cli.wait_until(lambda: words in self.text() or self.process.poll() is not None, seconds,
                       "the worker's log never said %r" % words)
        if words not in self.text():
            raise AssertionError("the worker ended with %s:\n%s" %
                                 (self.process.returncode, self.text()))
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, seconds=40):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


class _Partition(ctypes.Structure):
    _fields_ = [("topic", ctypes.c_char_p), ("partition", ctypes.c_int32),
                ("offset", ctypes.c_int64), ("metadata", ctypes.c_void_p),
                ("metadata_size", ctypes.c_size_t), ("opaque", ctypes.c_void_p),
                ("err", ctypes.c_int), ("private", ctypes.c_void_p)]


def _library():
    library = ctypes.CDLL("librdkafka.so.1")
    for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_topic_partition_list_new",
                 "rd_kafka_topic_new", "rd_kafka_init_transactions", "rd_kafka_begin_transaction",
                 "rd_kafka_commit_transaction", "rd_kafka_abort_transaction"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_error_string.restype = ctypes.c_char_p
    library.rd_kafka_topic_partition_list_add.restype = ctypes.POINTER(_Partition)
    return library


def committed(group, topic, partition):
    """The group's committed offset, as the broker tells it; below 0: none. (kcat can only join.)"""
    library, text = _library(), ctypes.create_string_buffer(256)
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    for name, value in (("bootstrap.servers", cli.broker_address()), ("group.id", group)):
        if library.rd_kafka_conf_set(conf, name.encode(), value.encode(), text, 256) != 0:
            raise AssertionError(text.value)
    handle = ctypes.c_void_p(library.rd_kafka_new(1, conf, text, 256))
    listed = ctypes.c_void_p(library.rd_kafka_topic_partition_list_new(1))
    found = library.rd_kafka_topic_partition_list_add(listed, topic.encode(), partition)
    code = library.rd_kafka_committed(handle, listed, 10000)
    offset = found.contents.offset
    library.rd_kafka_topic_partition_list_destroy(listed)
    library.rd_kafka_destroy(handle)
    if code != 0:
        raise AssertionError("rd_kafka_committed: %d" % code)
    return offset


class Transactions:
    """A producer with transactions, which kcat is not."""

    def __init__(self, topic, partition=0):
        self.library, self.partition, text = _library(), partition, ctypes.create_string_buffer(256)
        conf = ctypes.c_void_p(self.library.rd_kafka_conf_new())
        for name, value in (("bootstrap.servers", cli.broker_address()),
                            ("transactional.id", uuid.uuid4().hex)):
            if self.library.rd_kafka_conf_set(conf, name.encode(), value.encode(), text, 256) != 0:
                raise AssertionError(text.value)
        self.handle = ctypes.c_void_p(self.library.rd_kafka_new(0, conf, text, 256))
        self.topic = ctypes.c_void_p(self.library.rd_kafka_topic_new(self.handle, topic.encode(), None))

    def __enter__(self):
        self._must("rd_kafka_init_transactions", 30000)
        return self

    def __exit__(self, *_):
        self.library.rd_kafka_topic_destroy(self.topic)
        self.library.rd_kafka_destroy(self.handle)

    def _must(self, name, *arguments):
        error = getattr(self.library, name)(self.handle, *arguments)
        if error:
            raise AssertionError("%s: %s" % (name, self.library.rd_kafka_error_string(
                ctypes.c_void_p(error))))

    def write(self, requests, commit=True):
        """In one transaction, which ends."""
        self._must("rd_kafka_begin_transaction")
        copy = 2			# RD_KAFKA_MSG_F_COPY
        for one in requests:
            value = json.dumps(one).encode()
            if self.library.rd_kafka_produce(self.topic, self.partition, copy, value, ctypes.c_size_t(len(value)),
                                             None, ctypes.c_size_t(0), None) != 0:
                raise AssertionError("rd_kafka_produce failed")
        if not commit and self.library.rd_kafka_flush(self.handle, 30000) != 0:
            raise AssertionError("rd_kafka_flush failed")
        self._must("rd_kafka_commit_transaction" if commit else "rd_kafka_abort_transaction", 30000)


def end_offset(topic, partition):
    return int(cli.kcat("-Q", "-t", "%s:%d:-1" % (topic, partition)).split()[-1])
