#!/usr/bin/python3
"""Topics of requests in weighted order, on a real broker: who comes first, and that nothing is lost or doubled."""

import collections
import json
import os
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli
from delivery_support import (Worker, committed, end_offset, publish, read, request, results,
                              wait_results)
from test_fairness import Reader, free_port


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class Topics(cli.Topics):
    """The seven, and one that has eight turns of nine."""

    def __init__(self, partitions=None):
        super().__init__()
        self.names["urgent"] = self.names["requests"] + ".urgent"
        self.plain = False
        if partitions:
            self.create(partitions)

    def arguments(self, command, *options):
        further = [] if self.plain else ["--set", "topics.priorities.%s=8" % self.names["urgent"]]
        return super().arguments(command, *options) + further


class Plain:
    """The same topics, of a worker that knows nothing of priorities."""

    def __init__(self, topics):
        self.names, self.arguments = topics.names, super(Topics, topics).arguments

    def name(self, role):
        return self.names[role]


def many(name, count, code="sleep 0.02", **fields):
    """Each of a key of its own."""
    return [request("%s%d" % (name, i), "n", "%s-%d" % (name, i), code=code, **fields)
            for i in range(count)]


def names(found):
    return [result["executionId"].partition("-")[0] for result in found]


class Turns(unittest.TestCase):
    def test_both_wait_and_urgent_has_eight_turns_of_nine(self):
        topics = Topics(1)
        publish(topics, many("slow", 200))
        publish(topics, many("urgent", 160), role="urgent")
        with Worker(topics) as worker, Reader(topics) as reader:
            order = names(reader.wait(worker, lambda found: names(found).count("urgent") == 160))
            last = [i for i, name in enumerate(order) if name == "urgent"][-1]
            slow = order[:last].count("slow")
            print("of slow before the last of 160 urgent: %d" % slow)
            reader.wait(worker, lambda found: len(found) == 360)
            self.assertEqual(worker.end(), 0)
        self.assertGreaterEqual(slow, 10)		# it is not starved: 160 / 8 = 20
        self.assertLessEqual(slow, 34)

    def test_many_tenants_of_a_topic_do_not_enlarge_its_share(self):
        topics = Topics(1)
        for tenant in range(10):
            publish(topics, many("slow%d" % tenant, 20, tenant="t%d" % tenant))
        publish(topics, many("urgent", 80), role="urgent")
        with Worker(topics) as worker, Reader(topics) as reader:
            order = names(reader.wait(worker, lambda found: names(found).count("urgent") == 80))
        last = [i for i, name in enumerate(order) if name == "urgent"][-1]
        print("of ten tenants before the last of 80 urgent: %d" % (last - 79))
        self.assertLessEqual(last - 79, 22)

    def test_fifty_overtake_a_backlog_that_fills_its_share_of_the_memory(self):
        topics, port = Topics(1), free_port()
        publish(topics, many("slow", 5000))
        settings = ["worker.queue_bytes=4M", "http.listen=127.0.0.1:%d" % port]
        with Worker(topics, settings=settings) as worker, Reader(topics) as reader:
            def status():
                with urllib.request.urlopen("http://127.0.0.1:%d/status" % port, timeout=5) as answer:
                    return json.load(answer)
            reader.wait(worker, lambda found: len(found) >= 20)
            cli.wait_until(lambda: status()["partitionsPaused"] == 1, 20, "slow was never paused")
            publish(topics, many("urgent", 50), role="urgent")
            before = len(reader.results())
            order = names(reader.wait(worker, lambda found: names(found).count("urgent") == 50))
            cli.wait_until(lambda: status()["topics"][1]["backlog"] == 0, 10, "a backlog of urgent")
            first, second = status()["topics"]
            self.assertEqual((first["topic"], first["weight"], second["topic"], second["weight"]),
                             (topics.name("requests"), 1, topics.name("urgent"), 8))
            self.assertGreater(first["backlog"], 3000)
        last = [i for i, name in enumerate(order) if name == "urgent"][-1]
        slow = order[before:last].count("slow")
        print("of 5000 slow between the first and the last of 50 urgent: %d" % slow)
        self.assertLess(slow, 300)

    def test_a_retry_comes_in_the_turn_of_its_topic(self):
        topics = Topics(1)
        publish(topics, many("slow", 2000))
        publish(topics, [request("u", "n", "again-0", code="test $CODE_ATTEMPT = 2", retries=1,
                                 retryDelayMs=500)], role="urgent")
        with Worker(topics) as worker, Reader(topics) as reader:
            found = reader.wait(worker, lambda found: "again" in names(found))
        result, = [one for one in found if one["executionId"] == "again-0"]
        self.assertEqual((result["status"], result["attempt"]), ("COMPLETED", 2))
        self.assertEqual(result["source"], {"topic": topics.name("urgent"), "partition": 0, "offset": 0})
        print("of 2000 slow before the urgent retry: %d" % names(found).index("again"))
        self.assertLess(names(found).index("again"), 400)	# its delay and the way there and back
        retried, = read(topics, "retries")
        self.assertEqual(retried.headers["codeworker-origin"], topics.name("urgent") + "/0/0")


class Once(unittest.TestCase):
    def check_all(self, topics, expected, worker):
        """One result each, from its topic, in its key's order, and the offsets at the end."""
        found = wait_results(topics, len(expected), 150, worker)
        for role in ("requests", "urgent", "retries"):
            for partition in range(topics.partitions(role)):
                name = topics.name(role)
                cli.wait_until(lambda n=name, p=partition: committed(worker.group, n, p) ==
                               end_offset(n, p) or (end_offset(n, p) == 0), 30,
                               "%s/%d is not done" % (name, partition))
        found = results(topics)
        self.assertEqual({name: len(records) for name, records in found.items()},
                         {name: 1 for name in expected})
        order = collections.defaultdict(list)
        for name, (record,) in found.items():
            self.assertEqual(record.value["source"]["topic"], topics.name(expected[name]), name)
            if record.value["attempt"] == 1:
                order[record.key, expected[name]].append(record)
        for records in order.values():
            records.sort(key=lambda one: one.offset)
            offsets = [one.value["source"]["offset"] for one in records]
            self.assertEqual(offsets, sorted(offsets))
        return found

    def both(self, topics, count, prefix="", keys=20):
        expected = {}
        for role in ("requests", "urgent"):
            made = []
            for i in range(count):
                name = "%s%s-%d" % (prefix, role, i)
                fields = {"code": "sleep 0.05"}
                if i % 7 == 0:
                    fields = {"code": "test $CODE_ATTEMPT = 2", "retries": 1, "retryDelayMs": 200}
                made.append(request("key%d" % (i % keys), "n", name, **fields))
                expected[name] = role
            publish(topics, made, role=role)
        return expected

    def test_workers_that_die_while_jobs_of_both_run(self):
        topics = Topics(2)
        expected = self.both(topics, 300)
        with Worker(topics, settings=["worker.id=one"]) as worker:
            for share in (0.2, 0.5, 0.7):
                wait_results(topics, int(len(expected) * share), 60, worker)
                worker.kill()
                worker.start()
            self.check_all(topics, expected, worker)
            self.assertEqual(worker.end(), 0)

    def test_a_death_is_no_other_topics(self):
        """Jobs of both run at the same offset when their worker dies; both run once more."""
        topics = Topics(1)
        publish(topics, [request("s", "n", "slow-0", code="sleep 3")])
        publish(topics, [request("u", "n", "urgent-0", code="sleep 3")], role="urgent")
        with Worker(topics, settings=["worker.id=one"]) as worker:
            cli.wait_until(lambda: len([r for r in read(topics, "state")
                                        if r.value["type"] == "started"]) == 2, 30, "both never ran")
            started = [(r.value["topic"], r.value["offset"]) for r in read(topics, "state")]
            self.assertEqual(sorted(started), [(topics.name("requests"), 0), (topics.name("urgent"), 0)])
            worker.kill()
            worker.start()
            self.check_all(topics, {"slow-0": "requests", "urgent-0": "urgent"}, worker)
            self.assertEqual(worker.text().count("a worker died under this job"), 2)
            self.assertEqual(worker.end(), 0)

    def test_a_copy_in_the_other_topic_runs_nothing(self):
        topics = Topics(1)
        one = request("t", "n", "x-0")
        with Worker(topics, settings=["worker.id=one"]) as worker:
            publish(topics, [one])
            wait_results(topics, 1, worker=worker)
            publish(topics, [one], role="urgent")
            cli.wait_until(lambda: committed(worker.group, topics.name("urgent"), 0) == 1, 20,
                           "the copy is not done")
            worker.kill()
            publish(topics, [one, request("u", "n", "last-0")], role="urgent")
            worker.start()
            self.check_all(topics, {"x-0": "requests", "last-0": "urgent"}, worker)
            self.assertEqual(worker.end(), 0)

    def test_a_rolling_change_loses_and_doubles_nothing(self):
        """One worker knows the topic and another doesn't: partitions that they can't share out are left alone."""
        topics = Topics(4)
        with Worker(Plain(topics)) as old, Worker(topics, group=old.group) as new:
            old.wait_log("partitions assigned")
            new.wait_log("partitions of further topics are not read")
            expected = self.both(topics, 120)
            cli.wait_until(lambda: sum(name.startswith("requests") for name in results(topics)) == 120,
                           60, "the first topic waits")
            self.assertLess(len(results(topics)), 240)
            self.assertEqual(old.end(), 0)
            self.check_all(topics, expected, new)
            self.assertEqual(new.end(), 0)

    def test_static_workers_that_come_back_with_a_new_topic_read_it(self):
        """The broker gives them what they had, until they ask for it to be shared out anew."""
        topics = Topics(4)
        ids = ["worker.id=one"], ["worker.id=two"]
        with Worker(Plain(topics), settings=ids[0]) as first:
            with Worker(Plain(topics), first.group, ids[1]) as second:
                for old in (first, second):
                    old.wait_log("partitions assigned")
                expected = self.both(topics, 60, "a.")
                self.assertEqual((first.end(), second.end()), (0, 0))
        with Worker(topics, first.group, ids[0]) as first, Worker(topics, first.group, ids[1]) as second:
            expected.update(self.both(topics, 60, "b."))
            self.check_all(topics, expected, first)
            for new in (first, second):
                self.assertLessEqual(new.text().count("the group is to share out anew"), 1)
            self.assertIn("the group is to share out anew", first.text() + second.text())
            self.assertEqual((first.end(), second.end()), (0, 0))
        # A restart with nothing new moves no partition.
        with Worker(topics, first.group, ids[0]) as first, Worker(topics, first.group, ids[1]) as second:
            expected.update(self.both(topics, 10, "c."))
            self.check_all(topics, expected, first)
            self.assertNotIn("share out anew", first.text() + second.text())
            self.assertEqual((first.end(), second.end()), (0, 0))

    def test_workers_come_and_go(self):
        topics = Topics(4)
        expected = self.both(topics, 200, "a.")
        with Worker(topics) as first, Worker(topics, group=first.group) as second:
            wait_results(topics, 100, 60, first)
            self.assertEqual(first.end(), 0)
            expected.update(self.both(topics, 100, "b."))
            first.start()
            wait_results(topics, 450, 90, first)
            self.assertEqual(second.end(), 0)
            self.check_all(topics, expected, first)
            self.assertNotIn("are not read", first.text() + second.text())
            self.assertEqual(first.end(), 0)


class Commands(unittest.TestCase):
    def test_a_cancel_reaches_what_runs_and_waits_in_all_topics(self):
        topics = Topics(1)
        for role in ("requests", "urgent"):
            publish(topics, [request("t", "%s%d" % (role, i), "%s-%d" % (role, i), code="sleep 30")
                             for i in range(3)] + [request("other", role, "other." + role)], role=role)
        with Worker(topics) as worker:
            cli.wait_until(lambda: any(r.value["type"] == "started" for r in read(topics, "state")),
                           30, "nothing ran")
            self.assertEqual(topics.run("cancel", "--thread", "t").returncode, 0)
            found = wait_results(topics, 8, 30, worker)
            self.assertEqual(worker.end(), 0)
        status = {name: records[0].value["status"] for name, records in found.items()}
        self.assertEqual({name for name, one in status.items() if one == "CANCELLED"},
                         {"%s-%d" % (role, i) for role in ("requests", "urgent") for i in range(3)})

    def test_other_numbers_of_partitions_are_refused_with_the_remedy(self):
        topics = Topics(2)
        self.assertEqual(topics.partitions("urgent"), 2)
        self.assertEqual(topics.run("topics", "check").returncode, 0)
        cli.broker().partitions_set(topics.name("urgent"), 3)
        checked = topics.run("topics", "check")
        self.assertEqual(checked.returncode, 1)
        self.assertIn("3 partitions, but %s has 2" % topics.name("requests"), checked.stdout)
        ran = topics.run("run", "--set", "http.listen=off", "--set", "worker.slots=1")
        self.assertEqual(ran.returncode, 2, ran.stderr)
        self.assertIn("3 partitions, but %s has 2" % topics.name("requests"), ran.stderr)
        self.assertIn("--alter --partitions", ran.stderr)
        publish(topics, [request("t%d" % i, "n", "x-%d" % i) for i in range(20)], role="urgent")
        with Worker(topics, settings=["worker.topic_check=warn"]) as worker:
            worker.wait_log("partitions of further topics are not read")
            expected = sum(end_offset(topics.name("urgent"), p) for p in (0, 1))
            self.assertLess(expected, 20)
            wait_results(topics, expected, 30, worker)
            self.assertEqual(worker.end(), 0)
        # The others wait for the topics to be alike.
        self.assertEqual(len(results(topics)), expected)
        for role in ("state", "retries", "requests"):
            cli.broker().partitions_set(topics.name(role), 3)
        self.assertEqual(topics.run("topics", "check").returncode, 0)
        with Worker(topics, group=worker.group) as worker:
            found = wait_results(topics, 20, 60, worker)
            self.assertEqual(worker.end(), 0)
        self.assertEqual({len(records) for records in found.values()}, {1})

    def test_submit_writes_to_one_of_them_only(self):
        topics = Topics(1)
        words = ("submit", "--thread", "t", "--node", "n", "--code", ":", "--type", "shell")
        self.assertEqual(topics.run(*words, "--topic", topics.name("urgent")).returncode, 0)
        self.assertEqual(topics.run(*words, "--topic", topics.name("requests")).returncode, 0)
        self.assertEqual(topics.run(*words).returncode, 0)
        refused = topics.run(*words, "--topic", topics.name("results"))
        self.assertEqual(refused.returncode, 2)
        self.assertIn("neither topics.requests nor one of topics.priorities", refused.stderr)
        self.assertEqual([end_offset(topics.name(role), 0) for role in ("urgent", "requests", "results")],
                         [1, 2, 0])

    def test_replay_finds_requests_in_all_topics(self):
        topics = Topics(1)
        publish(topics, [request("s", "n", "slow-0", code="exit 3")])
        publish(topics, [request("u", "n", "urgent-0", code="exit 3")], role="urgent")
        with Worker(topics) as worker:
            wait_results(topics, 2, worker=worker)
            for source in ("requests", "errors", "results", "dead"):
                shown = topics.run("replay", "--from", source, "--dry-run")
                self.assertEqual((shown.returncode, sorted(shown.stdout.split())),
                                 (0, ["slow-0", "urgent-0"]), source)
            put = topics.run("replay", "--from", "errors", "--thread", "u")
            self.assertEqual((put.returncode, put.stdout.split()), (0, ["urgent-0~r1"]), put.stderr)
            found = wait_results(topics, 3, worker=worker)
            # Its replay is found in the other topic, so the request is not put back once more.
            again = topics.run("replay", "--from", "requests", "--thread", "u", "--dry-run")
            self.assertNotIn("urgent-0\n", again.stdout)
            self.assertEqual(worker.end(), 0)
        self.assertEqual(found["urgent-0~r1"][0].value["source"]["topic"], topics.name("requests"))


if __name__ == "__main__":
    cli.main()
