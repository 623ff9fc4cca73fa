#!/usr/bin/python3
"""Every program of tests/corpus does what its first comment says, at each level, cold and warm.

The comment is JSON. What the job gets: input, context, directory, name, environment, limits, levels
(default: all). What must come of it: exit (default 0), signal, verdict, out (the whole text), err (a
regular expression), value ("no": none), reason, out_size, out_not_utf8, wall_ms (at most).
"""
import json
import os
import re

from support import ROOT, Counts, Driver, server, users

CORPUS = ROOT + "/tests/corpus"
EXTENSIONS = {".py": "python", ".js": "javascript", ".sh": "shell"}


def corpus():
    for directory, _, files in sorted(os.walk(CORPUS)):
        for file in sorted(files):
            type = EXTENSIONS.get(os.path.splitext(file)[1])
            if not type:
                continue
            with open(os.path.join(directory, file), encoding="utf-8") as source:
                code = source.read()
            first = re.search(r"^(?:#|//) (\{.*\})$", code, re.M)
            yield type, file, json.loads(first.group(1)), code


def job(expected):
    made = {key: expected[key] for key in ("directory", "name", "environment", "limits") if key in expected}
    for key in ("input", "context"):
        if key in expected:
            made[key] = json.dumps(expected[key], separators=(",", ":"))
    return made


def check_end(result, expected):
    if "signal" in expected:
        assert (result["verdict"], result["signal"]) == ("signaled", expected["signal"]), brief(result)
    elif "verdict" in expected:
        assert result["verdict"] == expected["verdict"], brief(result)
    else:
        wanted = ("exited", expected.get("exit", 0))
        assert (result["verdict"], result["exit_code"]) == wanted, brief(result)
    assert re.search(expected.get("reason", ""), result["reason"]), result["reason"]
    assert result["wall_ms"] <= expected.get("wall_ms", 20000), result["wall_ms"]


def check_streams(result, expected):
    out, err = result["out"] or "", result["err"] or ""
    if "out" in expected:
        assert out == expected["out"], "stdout %r, stderr %r" % (out, err)
    if "err" in expected:
        assert re.search(expected["err"], err, re.S), "stderr %r" % err
    if "out_size" in expected:
        assert len(out) == expected["out_size"], len(out)
    if "out_not_utf8" in expected:
        assert result["out"]["not_utf8"] == expected["out_not_utf8"], result["out"]


def check_value(result, expected):
    if expected.get("value", "no") == "no":
        assert result["value"] is None, "value %s" % result["value"]
    else:
        assert result["value"] is not None, "no value; %s" % brief(result)
        assert json.loads(result["value"]) == expected["value"], "value %s" % result["value"]


def check_facts(result, level, warm):
    assert result["level"] == level and result["mechanisms"] and result["id"]
    assert result["warm"] == warm, "warm: %s" % result["warm"]


def brief(result):
    keys = ("verdict", "exit_code", "signal", "limit", "syscall", "reason", "out", "err")
    return {key: result[key] for key in keys if result[key]}


def run_corpus(counts, box, user, how):
    for type, file, expected, code in corpus():
        for level in expected.get("levels", ("none", "restricted", "strict")):
            name = "%s at %s as %s, %s" % (file, level, user, how)
            if not box.self_test[level]["available"]:
                counts.skip(name, box.self_test[level]["reason"])
                continue
            if type == "javascript" and not os.path.exists("/usr/bin/node"):
                counts.skip(name, "no /usr/bin/node")
                continue
            with counts.test(name):
                result = box.run(type, code, level, **job(expected))
                check_end(result, expected)
                check_streams(result, expected)
                check_value(result, expected)
                check_facts(result, level, box.warm[type] is True and not expected.get("fresh"))


def tricks(counts, box, user):
    """Names and directories that would lead out are refused, or are no paths."""
    for directory in ("../..", "/etc", "a/../../b"):
        answer = box.run("shell", "pwd", directory=directory)
        counts.ok("error" in answer, "%s is refused as %s" % (directory, user), answer)
    for name in ("../evil.sh", "/tmp/evil.sh", "..", ".", "input.json", "x" * 300):
        result = box.run("shell", "echo $0; ls /job/../evil* 2>/dev/null", name=name)
        good = result["verdict"] == "failed" or result["out"] == "/job/script.sh\n"
        counts.ok(good, "the name %.20r leads nowhere as %s" % (name, user), result)


def main():
    counts = Counts()
    driver = Driver()
    for user in users():
        for how in ("cold", "warm"):
            with server(driver, user, *(["--cold"] if how == "cold" else [])) as box:
                run_corpus(counts, box, user, how)
                tricks(counts, box, user)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
