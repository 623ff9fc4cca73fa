# run.py: runs one script as `python3 script.py` would, then its main(input, context), and hands on the value.
#
# argv: run.py SCRIPT. Descriptor 3 is the value's channel: one byte of kind ('v' JSON text, 'e' why the
# value is not JSON), the length in 4 little-endian bytes, the text; nothing unless main returned. A zygote's
# fork that only compiles the script sends that there (kind 'c') and runs nothing.
#
# Compiling and importing are most of a short job's time: os is there already (site), and what only a
# main or an error needs stands in value.py.
#
# A zygote (warm.py) is this same program, up to where the script's name is needed: from there on each of
# its forks goes on as a cold one does.
import os
import sys

VALUE_FD = 3


def identity():
    try:
        return os.fstat(VALUE_FD)[1:3]
    except OSError:
        return None


def leave():
    """In a fork, whose value nobody wants."""
    if channel and identity() == channel[0]:
        os.close(VALUE_FD)
    channel.clear()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def part(name):
    """Another file of this directory, in this file's name space."""
    path = os.path.dirname(__file__) + "/" + name
    exec(compile(read(path), path, "exec"), globals())


def module_make(path):
    module = type(sys)("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    module.__loader__ = type(__loader__)("__main__", path)
    module.__annotations__ = {}
    module.__cached__ = None
    return module


def script_code(path):
    text = source.pop() if source else None
    code = compiled_load(path) if compiled else None
    return code or compile(read(path) if text is None else text, path, "exec", dont_inherit=True)


def run(path):
    sys.argv = [path]
    sys.path[0:0] = [path.rpartition("/")[0], os.getcwd()]
    if not sys.stdout.line_buffering:
        sys.stdout.reconfigure(line_buffering=True)  # or a killed job's last lines are lost
    module = sys.modules["__main__"] = module_make(path)
    try:
        exec(script_code(path), module.__dict__)
        main = module.__dict__.get("main")
        if callable(main):
            "value_send" in globals() or part("value.py")
            value_send(*value_encode(main_call(main)))
        ending[0] = None
    except SystemExit as end:
        ending[:] = SystemExit, end.code
        raise
    except BaseException as error:
        ending[:] = type(error), None
        try:
            "value_send" in globals() or part("value.py")
            trim_on_report()
        except Exception:  # no descriptor or memory left: then our frames show, too
            pass
        raise


harness = sys.modules["__main__"]  # its functions are needed to the end
source = []  # the script, where its process was given it, and
compiled = []  # its code as another process compiled it: for warm.py
ending = [False, None]  # how the script ended: what it raised, and SystemExit's code
warm = "CODESANDBOX_ZYGOTE" in os.environ
if warm:
    part("warm.py")
    sys.argv[1], ARGUMENTS, *channel = warm_up()
else:
    ARGUMENTS = [os.environ.get("CODE_INPUT"), os.environ.get("CODE_CONTEXT")]
    channel = [identity()]
    if channel[0]:
        os.set_inheritable(VALUE_FD, False)
    os.register_at_fork(after_in_child=leave)
(run_to_end if warm else run)(sys.argv[1])
