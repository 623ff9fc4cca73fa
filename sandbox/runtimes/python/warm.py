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

    def quiet(function):
        return lambda: None if in_zygote else function()

    os.register_at_fork = lambda **hooks: register(**{when: quiet(hook) for when, hook in hooks.items()})
    try:
        load(COMMON)
    finally:
        os.register_at_fork = register


def environment_set(pairs):
    """os.environ as a fresh interpreter would have found it; the C library's was set by serve()."""
    data = os.environ._data
    data.clear()
    data.update(pairs)


def reseed():
    """What is made anew in a process, and for which there is no os.register_at_fork(), or not here."""
    sys.modules["random"].seed()
    threading._main_thread._native_id = threading.get_native_id()
    numpy = sys.modules.get("numpy")
    if numpy:
        numpy.random.seed()


def clock_start():
    logging = sys.modules.get("logging")
    if logging:
        logging._startTime = sys.modules["time"].time()


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


def lingers(thing):
    """A finalizer of this object may have something to do yet."""
    return hasattr(type(thing), "__del__") and not getattr(thing, "closed", False)


def is_plain():
    """Nothing that the job made has a finalizer. What it made and is not frozen is seen here."""
    try:
        return not any(map(lingers, gc.get_objects()))
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


def run_to_end(path):
    """Runs the script and ends the process as the interpreter would, by a shorter way where there is one: that
    touches much that is shared and that the job itself has not touched.
    """
    try:
        run(path)
    except SystemExit as end:
        if not isinstance(end.code, (int, type(None))):
            raise
    if threading.active_count() == 1 and not getattr(threading, "_threading_atexits", True):
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


def shutdown_rehearse():
    """The exit function that every job has; handlers are the job's to close, so this one is put back."""
    logging = sys.modules["logging"]
    handler = logging.lastResort
    if handler is None:
        return
    before = dict(vars(handler))
    logging.shutdown([lambda: handler])
    vars(handler).clear()
    vars(handler).update(before)


def rehearse():
    """What every job does, but for its script: what has run is quicker, and what was touched is a copy already."""
    arguments, search = sys.argv, sys.path[:]
    environment_set(list(os.environb.items()))
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


def practise():
    """Rehearses in a fork that waits for its job, with what comes at the end, when most there is has been frozen. Its
    random numbers are its own from then on."""
    rehearse()
    threading.active_count()
    shutdown_rehearse()
    is_plain()
    flush()
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
    for _ in range(20):
        rehearse()
    gc.collect()
    gc.freeze()
    path, code, environment, arguments, value_file, compile_only, data = zygote.serve(practise)
    practised = not in_zygote
    in_zygote.clear()
    source.append(code)
    if compile_only:
        compile_send(path)
    compiled[:] = [data] if data else []
    sys.orig_argv[-1] = path
    environment_set(environment)
    if not practised:
        reseed()
    clock_start()
    return path, arguments, value_file


import atexit
import gc
import marshal
import warnings
import weakref

shared = set()
in_zygote = [True]
zygote = library("zygote_python")
