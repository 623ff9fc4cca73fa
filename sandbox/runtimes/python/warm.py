# warm.py: the part of run.py that makes it a zygote. See there, and sandbox/zygote/zygote.h.
#
# What is loaded here, each job finds loaded; what is made here, each job gets a copy of. So nothing is made
# that is to differ from job to job: what seeds itself at import is seeded anew after the fork.

# Each module costs every fork a little: its pages are mapped again.
COMMON = (
    "_json abc base64 binascii bisect codecs collections collections.abc contextlib copy csv dataclasses datetime "
    "decimal enum fnmatch functools glob hashlib heapq inspect io itertools json logging math operator pathlib "
    "random re shutil signal string struct subprocess tempfile textwrap threading time traceback types typing "
    "urllib.parse uuid warnings zlib"
).split()


def load(names):
    import importlib

    for name in names:
        importlib.import_module(name)


def load_common():
    """What these modules do at a fork is for the locks of other threads, of which a zygote has none: its own
    forks go without, a job's have it. Together it would touch as many pages as a short job.
    """
    register = os.register_at_fork
    hooks = {"before": [], "after_in_parent": [], "after_in_child": [leave]}

    def note(**given):
        for when, hook in given.items():
            hooks[when].append(hook)

    def together(functions):
        return lambda: None if in_zygote else [function() for function in functions]

    os.register_at_fork = note
    try:
        load(COMMON)
    finally:
        os.register_at_fork = register
    hooks["before"].reverse()  # os.register_at_fork()
    register(**{when: together(functions) for when, functions in hooks.items()})


def look_up():
    """What each job needs is at hand for it: to look for it would touch more pages than to use it. Modules and not
    what they hold, which is to end with them.
    """
    global logging, seeds, clock, handlers, handlers_end
    import logging
    import random
    import time

    random._inst.gauss_next = None
    seeds = [super(random.Random, random._inst).seed]
    if "numpy" in sys.modules:
        seeds.append(sys.modules["numpy"].random.seed)
    clock = time.time if isinstance(logging._startTime, float) else time.time_ns
    handlers, handlers_end = logging._handlerList, logging.shutdown
    atexit.unregister(handlers_end)  # finish() has it


def reseed():
    """What is made anew in a process, and for which there is no os.register_at_fork(), or not here."""
    for seed in seeds:
        seed()
    threading._main_thread._native_id = native_id()


def clock_start():
    logging._startTime = clock()


def exit_status():
    """The process's, as the interpreter makes it; None where that is better left to it."""
    raised, code = ending
    if raised is SystemExit and isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 255
    if raised is None or (raised is SystemExit and code is None):
        return 0
    return None if raised is False or issubclass(raised, KeyboardInterrupt) else 1


def names_clear(values):
    """What becomes of a module that something still holds: see _PyModule_Clear."""
    for private in (True, False):
        for name in list(values):
            if name != "__builtins__" and (not private or (name[:1] == "_" and name[1:2] != "_")):
                values[name] = None


def release(main):
    """What the script made, so that its finalizers run and its files are flushed."""
    sys.last_type = sys.last_value = sys.last_traceback = None
    names, theirs = [], []
    for name in reversed(sys.modules):  # theirs came last
        if name in shared:
            break
        names.append(name)
    for name in names + main:
        module = sys.modules.pop(name, None)
        if module is not harness and isinstance(module, type(sys)):
            theirs.append(weakref.ref(module))
        del module
    gc.collect()
    for reference in theirs:
        module = reference()
        if module is not None:
            names_clear(module.__dict__)
        del module


def is_plain():
    """Nothing that the job made has a finalizer with something to do yet. What it made and is not frozen is seen
    here."""
    try:
        made = gc.get_objects()
        kinds = [kind for kind in set(map(type, made)) if hasattr(kind, "__del__")]
        return not kinds or all(getattr(thing, "closed", False) for thing in made if type(thing) in kinds)
    except Exception:
        return False


def flush():
    try:
        for stream in (sys.__stdout__, sys.__stderr__, sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except Exception:
        return False  # the interpreter has its own way to tell
    return True


def finish():
    """Ends a job as the interpreter would, but for taking apart what every job shares: the last exit function.

    Where something has a finalizer, that depends on the order in which all is taken apart, and the interpreter
    does it.
    """
    if len(handlers) > 1:  # else there is none but that of logging itself, which writes to stderr
        handlers_end()
    status = exit_status()
    if status is None or not is_plain():
        gc.unfreeze()
        return
    release(["__main__"])
    if flush():
        zygote.leave(status)


def library(name):
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    loader = ExtensionFileLoader(name, "%s/%s.so" % (os.path.dirname(__file__), name))
    return module_from_spec(spec_from_loader(name, loader))


def alone():
    """No thread has been started that goes on, and nothing waits for the end of all."""
    return not (thread_count() or len(threading._active) > 1 or getattr(threading, "_threading_atexits", True))


def run_to_end(path):
    """Runs the script and ends the process as the interpreter would, by a shorter way where there is one: that
    touches much that is shared and that the job itself has not touched.
    """
    try:
        run(path)
    except SystemExit as end:
        if not isinstance(end.code, (int, type(None))):
            raise
    if alone():
        atexit._run_exitfuncs()  # finish() among them, which does not return
    if ending[0] is SystemExit:
        raise SystemExit(ending[1])


SCRIPT = """
import json, os, sys
def main(input, context):
    try:
        print("", end="", flush=True)
        return {"text": "a%s" % len(sys.argv), "numbers": [1, 2.5, None, True], "map": dict(a=[str(9)])}
    except ValueError as error:
        return str(error)
"""


def rehearse():
    """What every job does, but for its script: what has run is quicker, and what was touched is a copy already."""
    arguments, search = sys.argv, sys.path[:]
    reseed()
    clock_start()
    try:
        source.append(b"")
        run("/job/script.py")
        module = module_make("/job/script.py")
        exec(compile(SCRIPT, "/job/script.py", "exec", dont_inherit=True), module.__dict__)
        main = module.__dict__.get("main")
        arguments_wanted(main)
        value_encode(main(decode('{"a": [1, "b"]}'), None))
        names_clear(module.__dict__)
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = arguments, search, harness
    exit_status()
    release([])
    ending[0] = False


def rehearse_end():
    """What looks at all that is not frozen."""
    alone()
    is_plain()
    flush()


def practise():
    """Rehearses in a fork that waits for its job. Its random numbers are its own from then on."""
    rehearse()
    rehearse_end()
    in_zygote.clear()
    gc.freeze()  # what is looked at in the end is then what the job made


def compiled_head(path):
    """What compiled code is good for: this interpreter alone, and the path that stands in it."""
    return repr((sys.version, sys.flags, sys._xoptions, path)).encode() + b"\n"


def compile_send(path):
    """Compiles a script, which is not run, for later jobs. One that can't be compiled without a word is left to
    each of them, for its error or warnings to be their own. Ends the process."""
    global channel
    warnings.simplefilter("error")
    try:
        code = script_code(path)
        channel = [identity()]
        value_send(b"c", compiled_head(path) + marshal.dumps(code))
    except BaseException:
        zygote.leave(1)
    zygote.leave(0)


def compiled_load(path):
    """The script's code, if what was compiled before is that; None otherwise."""
    data, head = compiled.pop(), compiled_head(path)
    try:
        code = marshal.loads(memoryview(data)[len(head):]) if data.startswith(head) else None
    except Exception:
        return None
    return code if isinstance(code, type(compiled_load.__code__)) else None


def filler(size):
    """What fills all blocks of this size that were free, up to where a pool begins that has nothing in it. What a
    job makes first then lies in one page, with the pool's head, instead of two that are shared.

    See Objects/obmalloc.c. Where memory is had otherwise, this only makes objects and drops them.
    """
    pool = 1 << (14 if sys.version_info >= (3, 10) else 12)
    made = [bytes(size - 40) for _ in range(2)]
    while len(made) < 5000:
        made.append(bytes(size - 40))
        if id(made[-1]) % pool == 48 + 2 * size and id(made[-1]) - id(made[-3]) == 2 * size:
            return made[:-2]
    return []


def warm_up():
    """Returns in each job's process, with the script's path, those of main's arguments, and identity()."""
    global threading
    wanted = os.environ.pop("CODESANDBOX_ZYGOTE")
    part("value.py")
    atexit.register(finish)  # before those of what is loaded, so that it runs after them
    load_common()
    import threading
    load(name for name in wanted.split(",") if name)
    shared.update(name for name in sys.modules if name != "__main__")
    look_up()
    for _ in range(20):
        rehearse()
    os.environ._data.clear()
    gc.collect()
    gc.freeze()
    rehearse_end()
    fillers.extend(map(filler, BLOCKS))
    gc.freeze()
    path, code, arguments, value_file, compile_only, data = zygote.serve(practise, os.environ._data)
    practised = not in_zygote
    in_zygote.clear()
    source.append(code)
    if compile_only:
        compile_send(path)
    compiled[:] = [data] if data else []
    if hasattr(sys, "orig_argv"):  # since Python 3.10
        sys.orig_argv[-1] = path
    if not practised:
        reseed()
    clock_start()
    return path, arguments, value_file


import atexit
import gc
import marshal
import warnings
import weakref
from _thread import _count as thread_count, get_native_id as native_id

shared = set()
fillers = []
BLOCKS = range(48, 513, 16)  # sizes of which Python keeps memory, but for the smallest
in_zygote = [True]
handlers = ()
zygote = library("zygote_python")
