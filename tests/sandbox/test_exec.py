#!/usr/bin/python3
"""`codeworker exec`: exit codes, output and options, as root and as an ordinary user.

CODEWORKER names the program (default build/codeworker)."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get("CODEWORKER", os.path.join(ROOT, "build", "codeworker")))
NOBODY = 65534
IDS = "executionId threadId nodeId workflowId nodeName tenant replayOf nodeType status success stdout " \
      "stderr stdoutTruncated stderrTruncated output exitCode signal error executionTime scriptName " \
      "scriptType attempt timestamp queuedMs source usage sandbox worker metadata"


class Exec(unittest.TestCase):
    """As the user who runs the tests; AsNobody repeats it all as an ordinary one."""
    prefix = []
    impossible = "user_namespace"  # root needs none, so a result never has it

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="codeworker-exec-", dir="/tmp")
        os.chmod(cls.directory, 0o755)
        cls.program = shutil.copy(PROGRAM, cls.directory + "/codeworker")
        os.chmod(cls.program, 0o755)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def setUp(self):
        if os.geteuid() != 0 and not self.prefix:
            self.impossible = "identity"

    def exec(self, *arguments, stdin="", environment=None):
        return subprocess.run([*self.prefix, self.program, "exec", *arguments], input=stdin, text=True,
                              capture_output=True, timeout=60, cwd=self.directory, check=False,
                              env={"PATH": os.environ["PATH"], **(environment or {})})

    def file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, 0o644)
        return path

    def ends(self, code, *arguments, stdout=None, stderr=None, stdin=""):
        done = self.exec(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        if stdout is not None:
            self.assertEqual(done.stdout, stdout)
        if stderr is not None:
            self.assertIn(stderr, done.stderr)
        return done

    def result(self, *arguments):
        done = self.exec("--json", *arguments)
        self.assertEqual(done.stdout.count("\n"), 1, (done.stdout, done.stderr))
        result = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if result["success"] else 1)
        return result

    # ---- exit codes without --json

    def test_success_is_0_and_silent_about_itself(self):
        done = self.ends(0, "--type", "shell", "--code", "echo out; echo err >&2", stdout="out\n")
        self.assertEqual(done.stderr, "err\n")

    def test_the_jobs_own_exit_code_comes_through(self):
        for code in (1, 2, 7, 125, 255):
            done = self.ends(code, "--type", "shell", "--code", "exit %d" % code)
            self.assertEqual(done.stderr, "")
        self.ends(1, "--type", "python", "--code", "raise ValueError('bad')", stderr="ValueError: bad")
        self.ends(3, "--type", "python", "--code", "import sys; sys.exit(3)")

    def test_a_timeout_is_124(self):
        self.ends(124, "--type", "shell", "--timeout", "300ms", "--code", "echo a; sleep 60",
                  stdout="a\n", stderr="timeout after 0.3 seconds")

    def test_a_sandbox_that_cannot_be_had_is_125(self):
        done = self.ends(125, "--type", "shell", "--set", "sandbox.require=" + self.impossible,
                         "--code", "echo ran", stdout="", stderr="sandbox.unavailable")
        self.assertIn(self.impossible, done.stderr)

    def test_what_validation_refuses_is_126_and_does_not_run(self):
        for risk in ("low", "medium"):
            self.ends(126, "--type", "shell", "--risk", risk, "--code", "echo ran; sudo x", stdout="",
                      stderr="command.sudo")
        self.ends(126, "--type", "python", "--risk", "medium", "--code", "import subprocess",
                  stderr="call.subprocess")

    def test_high_and_none_refuse_none_of_it(self):
        for risk in ("none", "high"):
            self.ends(0, "--type", "shell", "--risk", risk, "--code", "true || sudo x; echo ran",
                      stdout="ran\n")

    def test_an_unknown_type_or_script_is_126(self):
        self.ends(126, "--type", "cobol", "--code", "x", stderr="code.unsupported")
        self.ends(126, "--type", "shell", "--script", "none", stderr="Script not found: none")

    def test_a_working_directory_outside_is_126(self):
        self.ends(126, "--type", "shell", "--directory", "../x", "--code", "echo ran", stdout="")
        for risk, path, code in (("high", "/etc", "request.malformed"), ("none", "../x", "request.malformed"),
                                 ("low", "../x", "code.security"), ("low", "/etc", "request.malformed")):
            error = self.result("--type", "shell", "--risk", risk, "--directory", path, "--code", ":")["error"]
            self.assertEqual(error["code"], code, (risk, path))
            if code == "request.malformed":
                self.assertEqual(error["field"], "workingDirectory")
                self.assertTrue(error["message"].startswith("workingDirectory: "), error)

    def refused(self, field, *arguments):
        result = self.result("--type", "shell", "--code", "echo ran", *arguments)
        self.assertEqual((result["error"]["code"], result["error"]["field"]), ("request.malformed", field))
        self.assertEqual((result["stdout"], result["sandbox"]), ("", None))
        self.ends(126, "--type", "shell", "--code", "echo ran", *arguments, stdout="")

    def test_what_no_sandbox_can_take_is_the_requests_fault(self):
        self.refused("workingDirectory", "--directory", "../x")
        self.refused("workingDirectory", "--directory", "a/" + "d" * 256)
        self.refused("workingDirectory", "--directory", "d/" * 2001)
        self.ends(0, "--type", "shell", "--directory", "d" * 255, "--code", "true")

    def test_an_environment_that_nothing_can_be_started_with_is_the_requests_fault(self):
        variables = (word for i in range(11) for word in ("--env", "V%d=%s" % (i, "x" * (100 << 10))))
        self.refused("environment", *variables)

    def test_files_that_do_not_fit_the_disk_are_its_limit(self):
        big = self.file("big.sh", "true\n" + "#" * (1 << 19))
        for arguments in ((big,), ("--type", "shell", "--directory", "d/" * 500, "--code", "true")):
            self.ends(137, "--disk", "64K", *arguments, stderr="limit.disk")

    def test_a_run_directory_that_can_not_be_used_is_125(self):
        path = self.file("run", "not a directory")
        for kind in ("shell", "python"):
            self.ends(125, "--type", kind, "--set", "sandbox.run_directory=" + path, "--code", "1",
                      stdout="", stderr="sandbox.unavailable")

    def test_a_script_may_be_called_like_a_file_of_ours(self):
        store = os.path.join(self.directory, "names")
        os.makedirs(store, exist_ok=True)
        os.chmod(store, 0o755)
        for name in ("input.json", "context.json", "output.json", "work", "tmp", "shm"):
            self.file("names/" + name, "echo $0; cat /job/input.json")
            self.ends(0, "--type", "shell", "--set", "scripts.directory=" + store, "--script", name,
                      "--input", "1", stdout="/job/script.sh\n1")

    def test_a_signal_is_128_and_its_number(self):
        self.ends(139, "--type", "shell", "--code", "kill -SEGV $$", stderr="SIGSEGV")
        self.ends(134, "--type", "python", "--code", "import os; os.abort()", stderr="SIGABRT")
        self.ends(143, "--type", "shell", "--code", "kill $$", stderr="SIGTERM")

    def test_a_limit_is_137(self):
        self.ends(137, "--type", "python", "--cpu", "200ms", "--timeout", "20s", "--code",
                  "while True: pass", stderr="limit.cpu")
        done = self.exec("--type", "python", "--memory", "64M", "--code",
                         "x = bytearray(300 << 20); print(len(x))")
        self.assertNotEqual(done.returncode, 0, "300 MiB in 64")
        if os.geteuid() == 0 and not self.prefix:
            self.assertEqual(done.returncode, 137, done.stderr)

    def test_a_call_that_only_an_attack_makes_is_159(self):
        self.ends(159, "--type", "python", "--code",
                  "import ctypes; ctypes.CDLL(None).ptrace(16, 1, 0, 0)", stderr="ptrace")

    def test_a_value_that_is_no_json_is_1(self):
        self.ends(1, "--type", "shell", "--code", "echo '{' > $CODE_OUTPUT", stderr="execution.output")

    def test_usage_errors_are_2(self):
        for arguments in (["--nonsense"], ["--type", "shell"], ["--risk", "grave", "--code", "x"],
                          ["--code", "x"], ["--type", "shell", "--code", "x", "file"],
                          ["--type", "shell", "--input", "{", "--code", "x"], ["a.sh", "b.sh"],
                          ["--type", "shell", "--code", "x", "--set", "sandbox.require=nothing"]):
            done = self.exec(*arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertTrue(done.stderr)
        self.assertIn("159", self.ends(0, "--help").stdout)

    def test_a_file_that_cannot_be_read_is_2(self):
        self.ends(2, "--type", "shell", "/no/such/file.sh", stderr="/no/such/file.sh")
        self.ends(2, "--type", "shell", self.directory, stderr=self.directory)
        self.ends(2, "--type", "shell", "--input", "@/no/such.json", "--code", ":", stderr="/no/such.json")
        self.ends(2, "--config", "/no/such.yaml", "--type", "shell", "--code", ":",
                  stderr="/no/such.yaml")

    # ---- where the code comes from

    def test_a_files_extension_gives_the_type(self):
        self.ends(0, self.file("a.py", "print('python')"), stdout="python\n")
        self.ends(0, self.file("a.sh", "echo shell"), stdout="shell\n")
        self.ends(2, self.file("a.txt", "echo"), stderr="no type")
        self.ends(0, "--type", "shell", self.file("b.txt", "echo given"), stdout="given\n")

    def test_javascript_runs(self):
        if not shutil.which("node"):
            self.skipTest("there is no node in PATH")
        self.ends(0, self.file("a.js", "console.log('js')"), stdout="js\n")

    def test_code_from_standard_input(self):
        self.ends(0, "--type", "shell", "-", stdin="echo piped\n", stdout="piped\n")

    def test_a_named_script_of_the_store(self):
        store = os.path.join(self.directory, "store")
        os.makedirs(store, exist_ok=True)
        os.chmod(store, 0o755)
        self.file("store/job.sh", "echo stored")
        scripts = "scripts.directory=" + store
        self.ends(0, "--type", "shell", "--set", scripts, "--script", "job.sh", stdout="stored\n")
        self.ends(0, "--type", "shell", "--set", scripts, "--script", "job", stdout="stored\n")
        self.ends(126, "--type", "shell", "--set", scripts, "--script", "../a.sh",
                  stderr="Script not found")
        self.ends(126, "--type", "shell", "--risk", "low", "--set", scripts, "--script", "../a.sh",
                  stderr="code.security")

    # ---- what the job gets

    def test_input_and_context_come_as_text_or_from_a_file(self):
        path = self.file("input.json", '{"n": 41}')
        code = "def main(value, context): return [value['n'] + 1, context]"
        result = self.result("--type", "python", "--input", "@" + path, "--context", "[1]", "--code", code)
        self.assertEqual(result["output"], [42, [1]])
        self.ends(0, "--type", "shell", "--input", '"x"', "--code", "cat", stdout='"x"')
        self.ends(0, "--type", "shell", "--code", "cat", stdout="", stdin="not the job's")

    def test_the_environment_is_filtered(self):
        done = self.ends(0, "--type", "shell", "--env", "PLAIN=1", "--env", "CODE_NODE_ID=forged",
                         "--env", "CODE_NEW=forged", "--env", "LD_PRELOAD=x", "--env", "PYTHONPATH=x",
                         "--env", "NODE_OPTIONS=x", "--env", "WITH=a=b", "--code", "env")
        seen = dict(line.split("=", 1) for line in done.stdout.splitlines())
        self.assertEqual((seen["PLAIN"], seen["WITH"]), ("1", "a=b"))
        self.assertEqual((seen["CODE_THREAD_ID"], seen["CODE_NODE_ID"], seen["CODE_ATTEMPT"]),
                         ("local", "exec", "1"))
        self.assertTrue(seen["CODE_EXECUTION_ID"])
        self.assertEqual({"CODE_NEW", "LD_PRELOAD", "PYTHONPATH", "NODE_OPTIONS"} & set(seen), set())

    def test_the_callers_environment_stays_outside(self):
        done = self.exec("--type", "shell", "--code", "env", environment={"SECRET": "s3cret"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("s3cret", done.stdout)

    def test_a_working_directory_inside_is_made(self):
        self.ends(0, "--type", "shell", "--directory", "a/b", "--code", "pwd; echo x > y; cat y",
                  stdout="/job/work/a/b\nx\n")

    def test_cut_output_is_said_to_be_cut(self):
        done = self.ends(0, "--type", "shell", "--output-limit", "10", "--code",
                         "echo 0123456789abc; echo ok >&2", stdout="0123456789", stderr="ok\n")
        self.assertIn("beyond 10 bytes", done.stderr)
        done = self.ends(0, "--type", "shell", "--output-limit", "10", "--code", "printf 0123456789")
        self.assertEqual(done.stderr, "")

    # ---- --json

    def test_a_result_has_every_field(self):
        result = self.result("--type", "python", "--metadata", "k=v", "--workflow", "w", "--code",
                             "import sys\nprint('o')\nprint('e', file=sys.stderr)\n"
                             "def main(): return {'a': [1, None]}")
        self.assertEqual(set(result), set(IDS.split()))
        expected = {"status": "COMPLETED", "success": True, "stdout": "o\n", "stderr": "e\n",
                    "output": {"a": [1, None]}, "exitCode": 0, "signal": None, "error": None,
                    "threadId": "local", "nodeId": "exec", "nodeType": "CODE", "scriptType": "python",
                    "attempt": 1, "stdoutTruncated": False, "stderrTruncated": False,
                    "metadata": {"k": "v"}, "workflowId": "w", "tenant": None, "replayOf": None}
        self.assertEqual({name: result[name] for name in expected}, expected)
        self.assertEqual(set(result["usage"]), {"wallMs", "cpuMs", "memoryPeakBytes", "processesPeak"})
        sandbox = result["sandbox"]
        self.assertEqual((sandbox["isolationLevel"], sandbox["isolationType"]), ("strict", "process"))
        self.assertIn("seccomp", sandbox["mechanisms"])
        self.assertIn(sandbox["runtime"], ("warm", "cold"))
        self.assertEqual(self.result("--type", "shell", "--code", ":")["output"], None)

    def test_a_value_comes_back_as_it_was_written(self):
        for text in ("1" * 400, '{"\\u0000":1}', "1e999", "[" * 511 + "]" * 511):
            path = self.file("value.json", text)
            done = self.exec("--json", "--type", "shell", "--input", "@" + path, "--code",
                             "cat > $CODE_OUTPUT")
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn('"output":%s,' % text, done.stdout)

    def test_a_value_nested_too_deep_is_refused_not_turned_into_text(self):
        result = self.result("--type", "python", "--code", "import json, os\n"
                             "open(os.environ['CODE_OUTPUT'], 'w').write('[' * 512 + ']' * 512)")
        self.assertEqual((result["error"]["code"], result["output"]), ("execution.output", None))
        self.assertIn("nested too deep", result["error"]["message"])

    def test_white_space_alone_is_no_value(self):
        result = self.result("--type", "shell", "--code", "printf ' \\n\\t' > $CODE_OUTPUT")
        self.assertEqual((result["status"], result["output"]), ("COMPLETED", None))

    def test_a_failure_carries_its_error_record(self):
        error = self.result("--type", "shell", "--code", "exit 3")["error"]
        self.assertEqual((error["type"], error["code"], error["retryable"]),
                         ("ExecutionError", "execution.exit", True))
        self.assertEqual(error["message"], "Script execution failed with exit code 3")
        self.assertEqual(error["hierarchy"], ["SDKError", "ExecutionError", "CodeExecutionError"])
        self.assertEqual(error["details"]["nodeId"], "exec")
        self.assertEqual(error["details"]["attempt"], "1")

    def test_a_signal_has_a_name_and_no_exit_code(self):
        result = self.result("--type", "shell", "--code", "kill -SEGV $$")
        self.assertEqual((result["signal"], result["exitCode"]), ("SIGSEGV", None))
        self.assertEqual(result["error"]["code"], "execution.signal")

    def test_a_refusal_has_neither_usage_nor_sandbox(self):
        result = self.result("--type", "shell", "--risk", "low", "--code", "sudo x")
        self.assertEqual((result["status"], result["usage"], result["sandbox"]), ("FAILED", None, None))
        error = result["error"]
        self.assertEqual((error["code"], error["field"]), ("code.security", "code.security"))
        self.assertEqual(error["hierarchy"], ["SDKError", "ValidationError", "SecurityValidationError"])
        self.assertEqual(error["details"], {"rule": "command.sudo", "match": "sudo x"})

    def test_a_violation_names_its_call(self):
        result = self.result("--type", "python", "--code",
                             "import ctypes; ctypes.CDLL(None).ptrace(16, 1, 0, 0)")
        self.assertEqual((result["error"]["code"], result["error"]["details"]["syscall"]),
                         ("sandbox.violation", "ptrace"))

    def test_limits_are_tightened_and_shown(self):
        limits = self.result("--type", "shell", "--timeout", "2s", "--cpu", "1s", "--memory", "64M",
                             "--disk", "1M", "--processes", "9", "--output-limit", "1K", "--code",
                             ":")["sandbox"]["resourceLimits"]
        self.assertEqual({name: limits[name] for name in limits if name != "openFiles"},
                         {"wallMs": 2000, "cpuMs": 1000, "memoryBytes": 64 << 20, "diskBytes": 1 << 20,
                          "processes": 9, "outputBytes": 1024})
        high = self.result("--type", "shell", "--memory", "1000G", "--code", ":")["sandbox"]
        self.assertLess(high["resourceLimits"]["memoryBytes"], 1 << 39)

    def test_the_floor_holds_against_the_risk(self):
        code = ("--type", "shell", "--risk", "none", "--code", ":")
        self.assertEqual(self.result(*code)["sandbox"]["isolationLevel"], "strict")
        floor = ("--set", "policy.isolation_floor=restricted")
        self.assertEqual(self.result(*floor, *code)["sandbox"]["isolationLevel"], "restricted")

    def test_output_that_is_not_utf8_is_replaced(self):
        result = self.result("--type", "shell", "--code", "printf 'a\\377b'")
        self.assertEqual(result["stdout"], "a\ufffdb")


@unittest.skipUnless(os.geteuid() == 0, "only root can become nobody")
class ExecAsNobody(Exec):
    prefix = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
    impossible = "identity"  # no subordinate ids: it keeps the caller's host id


def main():
    program = unittest.main(exit=False, verbosity=1)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print("%d passed, %d failed, %d skipped" % (result.testsRun - failed - skipped, failed, skipped))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
