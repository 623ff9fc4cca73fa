#!/usr/bin/python3
"""Foreign clients: the README's kcat commands, taken from its text and run as they stand."""

import json
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_support as cli

README_BROKER = "localhost:9092"


def readme_commands():
    """The shell block with kcat in it: one command that writes, one that reads."""
    with open(os.path.join(cli.ROOT, "README.md"), encoding="utf-8") as readme:
        blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", readme.read())
    found = [block for block in blocks if "kcat" in block]
    assert len(found) == 1, "README.md has %d blocks with kcat" % len(found)
    lines = re.sub(r"\|\s*\n\s*", "| ", found[0]).splitlines()
    writes = [line for line in lines if "kcat -P" in line]
    reads = [line for line in lines if "kcat -C" in line]
    assert len(writes) == len(reads) == 1, found[0]
    return writes[0], reads[0]


def setUpModule():
    cli.broker_start()


def tearDownModule():
    cli.broker_stop()


class Readme(unittest.TestCase):
    def setUp(self):
        self.topics = cli.Topics()
        self.topics.create(2)
        self.worker = cli.Worker(self.topics)

    def tearDown(self):
        self.worker.stop()

    def shell(self, command):
        """Runs a command of the README on this test's broker and topics."""
        self.assertIn(README_BROKER, command)
        here = command.replace(README_BROKER, cli.broker_address())
        for role in ("requests", "results"):
            here = here.replace("-t code." + role, "-t " + self.topics.name(role))
        ran = subprocess.run(["sh", "-c", here], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, timeout=60)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout

    def test_its_commands_publish_a_request_and_read_its_result(self):
        write, read = readme_commands()
        request = json.loads(re.search(r"echo '(\{.*\})'", write).group(1))
        self.shell(write)
        result = json.loads(self.shell(read))
        self.assertEqual(result["executionId"], request["executionId"])
        self.assertEqual(result["status"], "COMPLETED")
        self.assertEqual(result["output"], request["input"] * 7)
        record = self.topics.read("results")[0]
        self.assertEqual(record["key"], "%s:%s" % (request["threadId"], request["nodeId"]))
        headers = dict(zip(record["headers"][::2], record["headers"][1::2]))
        self.assertEqual(headers["content-type"], "application/json")
        self.assertEqual(headers["executionId"], request["executionId"])
        self.assertEqual(headers["ce_type"], "codeworker.execution.completed")


if __name__ == "__main__":
    cli.main()
