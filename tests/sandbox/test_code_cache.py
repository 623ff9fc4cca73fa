#!/usr/bin/python3
"""Compiled code: made without a line of it being run, used without a difference but time, and where it is no
good the script is compiled as ever.
"""
import statistics

from support import Counts, Driver, server, users
from test_runtimes import check_end, check_streams, check_value, corpus, job

PLENTY = 8 << 20
SEEN = ("verdict", "exit_code", "signal", "reason", "out", "err", "value")

# All that happens when it is run, and not when it is compiled.
EFFECTS = {"python": ("""
import os, sys
print("top level"); print("to stderr", file=sys.stderr)
def decorate(function):
    print("decorator"); return function
@decorate
def f(a=print("default"), *, b: print("annotation") = 1):
    pass
class C:
    print("class body")
    [print("comprehension") for _ in "a"]
open(os.environ["CODE_OUTPUT"], "w").write("1"); os.write(3, b"v\\1\\0\\0\\0" + b"1")
def main():
    print("main"); return 1
os._exit(7)
""",), "javascript": ("""
console.log("top level"); console.error("to stderr");
require("fs").writeFileSync(process.env.CODE_OUTPUT, "1"); require("fs").writeSync(3, "v\\x01\\0\\0\\x001");
class C { static x = console.log("static"); static { console.log("block"); } [console.log("name")]() {} }
function main(a = console.log("default")) { console.log("main"); return 1; }
process.exit(7);
""", """
console.log("top level, with an await"); await null;
process.exit(7);
""", """
}); console.log("out of the function, of await"); process.exit(7); (async function () {
""", """
}; console.log("out of the function"); process.exit(7); {
""")}
SAME = {"python": {
    "what a script sees of itself": """'''Its words.'''
from __future__ import annotations
import inspect, sys
x: int = 1
def f(a: undefined, b="é") -> "text":
    '''A function's words.'''
    return sys._getframe().f_code
class C:
    '''A class's words.'''
    y: undefined
    def m(self): return lambda: __class__
def main():
    code = f(1)
    print(__file__, __doc__, __annotations__, f.__annotations__, f.__doc__, C.__doc__, C.__annotations__)
    print(code.co_filename, code.co_firstlineno, code.co_qualname if hasattr(code, "co_qualname") else "", code.co_flags)
    print(list(code.co_lines()) if hasattr(code, "co_lines") else "", code.co_consts, code.co_names)
    print(inspect.getsource(f), inspect.getsource(C.m), inspect.signature(f), C().m()())
    print(sorted(globals()), __name__, __cached__, sys._getframe(0).f_lineno)
    a, b, c, d, e, g = 1000, 1000, "a b", "a b", (1, 2), (1, 2)
    return [__spec__ is None, code is f(2), a is b, c is d, e is g, constant() is a, "x" in {"x", "y"}, x]
def constant(): return 1000
""",
    "an error in the script": "def f(x):\n    return [1 / (x - 1) for _ in 'a']\nprint('on')\nf(\n  1)\n",
    "an error in main, with its cause": """
def deep(n):
    if n: deep(n - 1)
    try:
        {}["key"]
    except KeyError as error:
        raise ValueError("é") from error
def main(input): return deep(3) + input
""",
    "a failed assertion": "def main():\n    assert 1 + 1 == 3, 'words'\n",
    "an exit code": "import sys\nprint('out'); print('err', file=sys.stderr); sys.exit(9)",
    "an asynchronous main": "import asyncio\nasync def main(input):\n    await asyncio.sleep(0)\n    return [input, 'é']",
    "a warning when it runs": "import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning)\nf()\nwarnings.warn('x')",
    "no memory of ours in its frames": """
import sys
def main():
    frame, found = sys._getframe(), []
    while frame:
        found.append((frame.f_code.co_name, frame.f_lineno if frame.f_globals is globals() else 0)); frame = frame.f_back
    return found
""",
    "an exec and an eval of its own": "print(eval('1 + 1'))\nexec('def g(): return 1 / 0')\ng()",
    "an encoding of its own": "# coding: latin-1\nprint(ascii('\u00e9'))",
    "recursion to its end": "def f(n):\n    return f(n + 1)\nf(0)",
    "a byte order mark": "\ufeffprint(1); 1 / 0",
    "nothing at all": "",
}, "javascript": {
    "what a script sees of itself": """
function f(a, b = 'é') { return new Error('here').stack; }
class C { m() { return () => f(); } }
const names = (value) => Reflect.ownKeys(value).map(String);
console.log(__filename, __dirname, module.id, module.loaded, require.main === module, this === exports);
console.log(f.toString(), C.toString(), arguments.callee.toString(), arguments.length);
console.log(f(), new C().m()(), names(f), names(arguments.callee), names(globalThis).length);
console.log(Object.keys(require.cache), module.children.length, process.argv, process.execArgv, process.moduleLoadList.length);
module.exports = () => f();
""",
    "what a script with await sees of itself": """
console.log(arguments.callee.toString(), Reflect.ownKeys(arguments.callee).map(String), new Error('here').stack);
await null;
console.log(new Error('there').stack, require.main === module);
function main() { return new Error('main').stack; }
""",
    "an error in the script": "function f(x) {\n\treturn [1].map(() => x.y.z);\n}\nconsole.log('on');\nf(\n{});\n",
    "an error in main": "'use strict';\nconst deep = (n) => n ? deep(n - 1) : null.x;\nfunction main() { return deep(3); }\n",
    "an error after an await": "await null;\nfunction f() { throw new RangeError('é'); }\nsetTimeout(f, 1);\n",
    "an error with its cause": "throw new Error('a', { cause: new TypeError('b') });",
    "a rejection": "Promise.reject(new Error('x'));",
    "an exit code": "console.log('out'); console.error('err'); process.exitCode = 9;",
    "a main in a global": "main = async (input) => [input, 'é'];",
    "await as a name": "const await = 1;\nmodule.exports = () => await;\n",
    "an eval and a function of its own": "console.log(eval('1 + 1'), new Function('a', 'return a * 2')(4));\n"
                                         "eval('imp' + 'ort(\"node:os\")').catch((error) => console.log(error.code));\n"
                                         "eval('function g() { return null.x; }; g')();",
    "a regular expression's state": "const r = /a/g; console.log(r.test('aa'), r.lastIndex, `${1}`, String.raw`\\n`);",
    "a template's identity": "const t = (s) => s; const f = () => t`x`; console.log(f() === f(), f() === t`x`);",
    "a literal's shape": "const make = () => ({ a: [1, { b: 2 }], c: 1n, d: 1.5 }); make().a[1].b = 3; console.log(make());",
    "recursion to its end": "function f(n) { return f(n + 1); }\nf(0);",
    "a first line for the shell": "#!/usr/bin/node\nthrow new Error('second');",
    "a byte order mark": "\ufeffconsole.log(1); null.x",
    "nothing at all": "",
}}
# Their error or warning is the job's to tell.
NOT_COMPILED = {"python": {
    "a syntax error": "print('never')\ndef f(:\n    pass\n",
    "a syntax error after parsing": "def f():\n    return 1\nreturn 2\n",
    "a NUL": "print(1)\0",
    "nesting without end": "(" * 500 + ")" * 500,
    "a warning about is": "x = 1\nprint(x is 1)\n",
    "a warning about an escape": "print('\\d')\n",
    "an unknown encoding": "# coding: nonsense\nprint(1)\n",
}, "javascript": {
    "a syntax error": "console.log('never');\nfunction f( {\n}\n",
    "a syntax error beside await": "await null;\nlet a; let a;\n",
    "an error before it begins": "let x = 1;\nreturn; break;\n",
    "an import": "import('node:os').then((os) => console.log(typeof os.cpus));",
}}


def compiled(box, kind, code, **more):
    result = box.run(kind, code, compile_bytes=PLENTY, **more)
    assert result["out"] is None and result["err"] is None and result["value"] is None, result
    return result["compiled"]


def seen(result):
    return {key: result[key] for key in SEEN}


def runs_nothing(counts, box, user, kind):
    nothing = {"verdict": "exited", "exit_code": 0, "signal": "", "reason": "", "out": None, "err": None, "value": None}
    for number, code in enumerate(EFFECTS[kind]):
        with counts.test("%s that is compiled only does nothing (%d), as %s" % (kind, number, user)):
            result = box.run(kind, code, compile_bytes=PLENTY)
            assert result["warm"] and {**seen(result), "exit_code": 0} == nothing, seen(result)
            assert bool(result["compiled"]) == (result["exit_code"] == 0), seen(result)
            assert result["compiled"] or number > 0, "not compiled"
            assert box.run(kind, code)["exit_code"] in (7, 1)
        for name, variable in ("locale", "LC_ALL=C"), ("time zone", "TZ=Asia/Tokyo"):
            with counts.test("nor where its %s takes a fresh interpreter, as %s" % (name, user)):
                result = box.run(kind, code, compile_bytes=PLENTY, environment=[variable])
                assert result["verdict"] == "failed" and "compiling" in result["reason"], seen(result)
                assert result["out"] is None and result["err"] is None and result["compiled"] is None, seen(result)


def is_used_at_each_level(counts, box, user, kind):
    """That it is used shows where it was made of other code."""
    say = {"python": "print('%s')", "javascript": "console.log('%s')"}[kind]
    code = compiled(box, kind, say % "compiled")
    for level in ("none", "restricted", "strict"):
        with counts.test("compiled %s is used at %s, as %s" % (kind, level, user)):
            result = box.run(kind, say % "original", level, compiled=code)
            assert result["out"] == "compiled\n" and result["level"] == level, seen(result)
    with counts.test("compiled %s is of one file's name, as %s" % (kind, user)):
        code = compiled(box, kind, say % "compiled", name="a")
        for name, used in ("a", "compiled"), ("b", "original"):
            result = box.run(kind, say % "original", name=name, compiled=code)
            assert result["out"] == used + "\n", seen(result)


def makes_no_difference(counts, box, user, kind):
    for name, code in SAME[kind].items():
        with counts.test("%s is the same in compiled %s, as %s" % (name, kind, user)):
            more = {"input": "2"} if "input" in code else {}
            made = compiled(box, kind, code)
            assert made, "not compiled"
            plain, quick = box.run(kind, code, **more), box.run(kind, code, compiled=made, **more)
            assert seen(plain) == seen(quick), (seen(plain), seen(quick))
    for name, code in NOT_COMPILED[kind].items():
        with counts.test("%s of %s is left to the job, as %s" % (name, kind, user)):
            result = box.run(kind, code, compile_bytes=PLENTY)
            assert result["compiled"] is None and result["exit_code"] != 0, seen(result)
            assert result["out"] is None and result["err"] is None, seen(result)


def passes_the_corpus(counts, box, user, kind):
    for of, file, expected, code in corpus():
        if of != kind or "strict" not in expected.get("levels", ("strict",)):
            continue
        with counts.test("%s, compiled, as %s" % (file, user)):
            made = compiled(box, kind, code, **({"name": expected["name"]} if "name" in expected else {}))
            assert made or "syntax" in file or (kind == "javascript" and "import" in code), "not compiled"
            result = box.run(kind, code, **({"compiled": made} if made else {}), **job(expected))
            check_end(result, expected)
            check_streams(result, expected)
            check_value(result, expected)


def damaged(data, head):
    """By name: what compiled code could become."""
    made = {"nothing": b"", "garbage": bytes(range(256)) * 40, "a head alone": data[:head],
            "no head": data[head:], "zeros": data[:head] + b"\0" * 500, "another value": data[:head] + b"N",
            "another version": data[:head].replace(b".", b",", 1) + data[head:], "much": b"x" * (4 << 20)}
    made.update(("a piece of %d" % size, data[:size]) for size in (1, head - 1, head + 1, len(data) - 9, len(data) - 1))
    return made


def copes_with_what_is_no_good(counts, box, user, kind):
    code = {"python": "def main():\n    return 'source'\n", "javascript": "function main() { return 'source'; }\n"}[kind]
    good = bytes.fromhex(compiled(box, kind, code))
    head = good.index(b"\n") + 1
    for name, data in damaged(good, head).items():
        with counts.test("%s for compiled %s lets a script be compiled, as %s" % (name, kind, user)):
            result = box.run(kind, code, compiled=data.hex())
            assert result["value"] == '"source"' and result["exit_code"] == 0 and result["err"] is None, seen(result)
    with counts.test("whatever damage does to a %s job, it does to that one, as %s" % (kind, user)):
        for at in range(head, len(good), 7):
            box.run(kind, code, compiled=(good[:at] + bytes([good[at] ^ 0x15]) + good[at + 1:]).hex(),
                    limits={"wall_ms": 2000})
        result = box.run(kind, code)
        assert result["value"] == '"source"' and result["warm"], seen(result)


def takes_it_from_no_job(counts, box, user):
    frame = "import os\nbody = b'x' * 10\nos.write(3, b'c' + len(body).to_bytes(4, 'little') + body)\n"
    with counts.test("a job that runs can't pass for one that compiles, as " + user):
        for ending in "", "os._exit(0)\n", "def main(): return 1\n":
            result = box.run("python", frame + ending)
            assert result["compiled"] is None and result["value"] is None, seen(result)
            assert result["verdict"] == "output_invalid" or result["exit_code"] != 0, seen(result)
    with counts.test("code that is too large compiled is not kept in part, as " + user):
        size = len(compiled(box, "python", "print('x')")) // 2
        for limit in (1, size - 1, size):
            result = box.run("python", "print('x')", compile_bytes=limit)
            assert bool(result["compiled"]) == (limit == size), (limit, size)
    with counts.test("compiling is held by a job's limits, as " + user):
        endless = "x = [" + "[1, 2, 3, {'a': lambda: 1}],\n" * 200000 + "]"
        result = box.run("python", endless, compile_bytes=PLENTY, limits={"cpu_ms": 100})
        assert result["verdict"] == "limit" and result["compiled"] is None, seen(result)


def needs_a_warm_interpreter(counts, driver, user):
    with server(driver, user, "--cold") as box:
        with counts.test("a cold interpreter runs what it can't compile only, and is not told to, as " + user):
            for kind in EFFECTS:
                assert "compile" in box.run(kind, EFFECTS[kind][0], compile_bytes=PLENTY)["error"]
            result = box.run("python", "print('source')", compiled="00")
            assert result["out"] == "source\n" and not result["warm"], seen(result)


def refuses_other_runtimes(counts, box, user):
    with counts.test("a shell is not told to compile only, as " + user):
        assert "compile" in box.run("shell", "exit", compile_bytes=PLENTY)["error"]


def script(functions):
    body = "def step_%d(value, items=()):\n    total = value * %d\n    for index, item in enumerate(items):\n" \
           "        if item %% 2 and total > index:\n            total += item * index\n        else:\n" \
           "            total -= len('text %%d' %% item)\n    return {'total': total, 'all': [x for x in items]}\n\n"
    return "".join(body % (n, n) for n in range(functions)) + "def main():\n    return step_0(1)\n"


def tells_what_it_gains(counts, box):
    code = script(500)
    made = compiled(box, "python", code)
    with counts.test("a long script is quicker compiled"):
        took = {}
        for how, more in ("source", {}), ("compiled", {"compiled": made}):
            took[how] = statistics.median(box.run("python", code, **more)["cpu_ms"] for _ in range(7))
        print("%d lines, %d KiB, compiled %d KiB: %d ms of CPU time from source, %d ms compiled" % (
            code.count("\n"), len(code) >> 10, len(made) >> 11, took["source"], took["compiled"]))
        assert took["compiled"] * 2 < took["source"], took


def main():
    counts = Counts()
    driver = Driver()
    for user in users():
        with server(driver, user) as box:
            for kind in EFFECTS:
                if box.warm[kind] is not True:
                    counts.skip("compiled %s as %s" % (kind, user), box.warm[kind])
                    continue
                runs_nothing(counts, box, user, kind)
                is_used_at_each_level(counts, box, user, kind)
                makes_no_difference(counts, box, user, kind)
                passes_the_corpus(counts, box, user, kind)
                copes_with_what_is_no_good(counts, box, user, kind)
            takes_it_from_no_job(counts, box, user)
            refuses_other_runtimes(counts, box, user)
        needs_a_warm_interpreter(counts, driver, user)
    with server(driver, users()[0]) as box:
        tells_what_it_gains(counts, box)
    driver.close()
    counts.end()


if __name__ == "__main__":
    main()
