#!/usr/bin/python3
"""The chaos ledger sees each fault: a good account passes, and every way of spoiling it is named."""

import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import counted
import jobs
import ledger


class Record:
    def __init__(self, offset, value=None, text=None, headers=None, topic="requests"):
        self.topic, self.partition, self.offset = topic, 0, offset
        self.headers = headers or {}
        self.text = json.dumps(value) if text is None else text

    @property
    def value(self):
        return json.loads(self.text)


def result(execution, status="COMPLETED", code=None, attempt=1):
    return {"executionId": execution, "status": status, "error": code and {"code": code},
            "attempt": attempt, "stdout": execution + "\n", "output": None}


def event(execution, attempt, final):
    return {"executionId": execution, "threadId": "t", "attempt": attempt, "final": final}


def dead(offset, topic="requests"):
    return Record(9, {}, headers={"__dlq.errors.topic": topic, "__dlq.errors.partition": "0",
                                  "__dlq.errors.offset": str(offset)})


class Ledger(unittest.TestCase):
    """a succeeds, b succeeds at its second attempt, c fails, and one record can't be read."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="codeworker-ledger-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.jobs = [jobs.make(kind, "t", name, self.directory) for kind, name in
                     (("quick", "a"), ("flaky", "b"), ("exit", "c"), ("garbage", "g"), ("quick", "d"))]
        self.records = {
            "requests": [Record(number, text=job.text) for number, job in enumerate(self.jobs)],
            "results": [Record(number, value) for number, value in enumerate((
                result("a"), result("c", "FAILED", "execution.exit"), result("d"),
                result("b", attempt=2)))],
            "errors": [Record(0, event("b", 1, False)), Record(1, event("c", 1, True))],
            "dead": [dead(2), dead(3)]}
        self.lines = ["start a 1 1.00", "end a 1 1.01", "start b 1 1.02", "end b 1 1.03",
                      "start c 1 1.04", "end c 1 1.05", "start d 1 1.06", "end d 1 1.07",
                      "start b 2 1.50", "end b 2 1.51"]
        self.offsets = {("requests", 0): 5}

    def faults(self, **more):
        with open(os.path.join(self.directory, "t"), "w") as file:
            file.write("".join(line + "\n" for line in self.lines))
        return ledger.judge(self.jobs, self.records, self.directory, self.offsets,
                            {("requests", 0): 5},
                            **more).faults

    def assert_fault(self, words, **more):
        found = self.faults(**more)
        self.assertTrue(any(words in fault for fault in found), found)

    def test_a_good_account_has_no_fault(self):
        self.assertEqual(self.faults(), [])

    def test_a_result_that_is_missing(self):
        del self.records["results"][2]
        self.assert_fault("lost results, 1: d")

    def test_a_result_that_is_there_twice(self):
        self.records["results"].append(self.records["results"][2])
        self.assert_fault("more than one result, 1: d")

    def test_a_result_without_a_request(self):
        self.records["results"].append(Record(7, result("z")))
        self.assert_fault("without a request, 1: z")

    def test_a_request_that_never_arrived(self):
        del self.records["requests"][4]
        self.assert_fault("not in their topic, 1: d")

    def test_results_of_a_key_in_another_order(self):
        self.records["results"][0], self.records["results"][2] = (
            self.records["results"][2], self.records["results"][0])
        self.assert_fault("result of a came after that of d")

    def test_another_outcome_or_output(self):
        self.records["results"][1] = Record(1, result("c"))
        self.assert_fault("c (exit) ended as ('COMPLETED', None, 1)")
        self.records["results"][0] = Record(0, dict(result("a"), stdout="b"))
        self.assert_fault("a said 'b'")

    def test_events_that_are_missing_or_too_many(self):
        spoilt = self.records["errors"]
        self.records["errors"] = spoilt[1:]
        self.assert_fault("attempts without an event, 1: ('b', 1)")
        self.records["errors"] = spoilt + [Record(2, event("a", 1, False))]
        self.assert_fault("events without a failed attempt, 1: ('a', 1)")
        self.records["errors"] = spoilt + [spoilt[1]]
        self.assert_fault("more than one final event, 1: c")
        self.records["errors"] = [spoilt[0], Record(1, event("c", 1, False))]
        self.assert_fault("final events and failures differ, 1: c")

    def test_an_attempt_that_failed_twice(self):
        self.records["errors"].append(Record(2, event("b", 1, False)))
        self.assert_fault("failed and were made again, 1: ('b', 1)")

    def test_dead_letters_that_are_missing_or_too_many(self):
        self.records["dead"] = [dead(2)]
        self.assert_fault("without a dead letter, 1: ('requests', 0, 3)")
        self.records["dead"] = [dead(2), dead(3), dead(3)]
        self.assert_fault("more than one dead letter, 1: ('requests', 0, 3)")
        self.records["dead"] = [dead(2), dead(3), dead(0)]
        self.assert_fault("dead letters without a failure, 1: ('requests', 0, 0)")

    def test_attempts_that_overlapped(self):
        self.lines.insert(1, "overlap b 1")
        self.assert_fault("attempt 1 of b began while another of its key was alive")

    def test_a_first_attempt_out_of_order(self):
        self.lines[0:4] = self.lines[2:4] + self.lines[0:2]
        self.assert_fault("a began out of order")

    def test_a_job_that_never_began(self):
        del self.lines[0:2]
        self.assert_fault("never began, 1: a")

    def test_a_retry_before_its_time(self):
        self.lines[8] = "start b 2 1.35"
        self.assert_fault("attempt 2 of b began 320 ms after the one before")

    def test_numbers_that_begin_again(self):
        self.lines += ["start b 1 2.00"]
        self.assert_fault("attempt 1 of b began after attempt 2")

    def test_an_offset_short_of_the_end(self):
        self.offsets = {("requests", 0): 4}
        self.assert_fault("committed to 4 of 5")

    def urgent(self, *executions):
        """Written to the second topic, too."""
        self.records["requests"] += [
            Record(number, text=next(job.text for job in self.jobs if job.execution == name),
                   topic="urgent") for number, name in enumerate(executions)]

    def move(self, *executions):
        """Written to the second topic instead."""
        self.urgent(*executions)
        texts = [record.text for record in self.records["requests"] if record.topic == "urgent"]
        self.records["requests"] = [record for record in self.records["requests"]
                                    if record.topic == "urgent" or record.text not in texts]

    def test_each_topic_has_an_order_of_its_own(self):
        self.records["results"].insert(0, self.records["results"].pop(2))
        self.lines = self.lines[6:8] + self.lines[:6] + self.lines[8:]
        self.assert_fault("result of a came after that of d")
        self.assert_fault("a began out of order")
        self.move("d")
        self.assertEqual(self.faults(), [])

    def test_the_order_within_the_second_topic(self):
        self.move("d", "a")
        self.assert_fault("result of d came after that of a")
        self.assert_fault("d began out of order")

    def test_an_execution_in_both_topics_has_one_result_and_one_dead_letter(self):
        self.urgent("c")
        self.assertEqual(self.faults(), [])
        self.records["dead"][0] = dead(0, "urgent")
        self.assertEqual(self.faults(), [])
        self.records["dead"].append(dead(2))
        self.assert_fault("more than one dead letter, 1: ('requests', 0, 2)")
        self.records["dead"] = [dead(3)]
        self.assert_fault("without a dead letter, 1: ('requests', 0, 2)")
        self.records["results"].append(self.records["results"][1])
        self.assert_fault("more than one result, 1: c")


if __name__ == "__main__":
    counted.main()
