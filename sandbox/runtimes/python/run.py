# run.py: runs one script as `python3 script.py` would, then its main(input, context), and hands on the value.
#
# argv: run.py SCRIPT. Descriptor 3 is the value's channel: one byte of kind ('v' JSON text, 'e' why the
# value is not JSON), the length in 4 little-endian bytes, the text; nothing unless main returned.
#
# Imports are most of a short job's time: os is there already (site), the rest is imported when
# there is a main that needs it. A traceback ends up without the frames of this file: the script's
# own frames are those after the last of ours.
import os
import sys

VALUE_FD = 3
VARIABLE_ARGUMENTS = 0x04  # inspect.CO_VARARGS


class _Channel:
    """Where the value goes; only in the process that was started, not in its forks."""

    def __init__(self):
        self.files = [os.environ.get("CODE_INPUT"), os.environ.get("CODE_CONTEXT")]
        self.pipe = self.identity()
        self.here = True
        if self.pipe:
            os.set_inheritable(VALUE_FD, False)
            os.register_at_fork(after_in_child=self.leave)

    @staticmethod
    def identity():
        try:
            return os.fstat(VALUE_FD)[1:3]
        except OSError:
            return None

    def leave(self):
        if self.here and self.identity() == self.pipe:
            os.close(VALUE_FD)
        self.here = False

    def send(self, kind, text):
        if not self.here:
            return
        if self.identity() != self.pipe or not self.pipe:
            raise RuntimeError("descriptor 3, the channel of main's value, was closed")
        data = kind + len(text).to_bytes(4, "little") + text
        while data:
            data = data[os.write(VALUE_FD, data):]


class _Decoding:
    """json.JSONDecoder's settings, for the scanner in C."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = float
    memo = {}


def _decode(text):
    """json.loads(), without the 5 ms that importing json takes where the text is plain."""
    try:
        from _json import make_scanner

        value, end = make_scanner(_Decoding)(text, 0)
        if end == len(text):
            return value
    except Exception:
        pass
    import json

    return json.loads(text)


def _json_file(path):
    with open(path, encoding="utf-8") as file:
        text = file.read().strip(" \t\r\n")
    return _decode(text) if text else None


def _not_json(value):
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def _dumps(value):
    """json.dumps(), as above."""
    try:
        from _json import encode_basestring, make_encoder

        encoder = make_encoder({}, _not_json, encode_basestring, None, ":", ",", False, False, False)
    except (ImportError, TypeError):
        import json

        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return "".join(encoder(value, 0))


def _wanted(function):
    """How many positional arguments main takes, 2 at most."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if type(function) is type(_wanted) and not hasattr(function, "__signature__"):
        code = function.__code__
        return 2 if code.co_flags & VARIABLE_ARGUMENTS else min(2, code.co_argcount)
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return 2
    return min(2, sum(p.kind in positional for p in parameters))


def _await(value):
    import asyncio

    async def wait():
        return await value

    return asyncio.run(wait())


def _encode(value):
    try:
        return b"v", _dumps(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        reason = "%s: %s" % (type(error).__name__, error)
        return b"e", reason.encode("utf-8", "replace")[:200]


def _script_trace(error):
    """Of a traceback, what comes after this file's frames; the same for what led to the error."""
    seen = set()
    first = error
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = own = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == __file__:
                own = trace.tb_next
            trace = trace.tb_next
        error.__traceback__ = own
        error = error.__cause__ or error.__context__
    return first.__traceback__


def _trim_on_report():
    """The interpreter reports the error itself, through whatever hook the script has set."""
    hook = sys.excepthook

    def trimmed(kind, error, trace):
        sys.excepthook = hook
        hook(kind, error, _script_trace(error))

    sys.excepthook = trimmed


def _module(path):
    module = type(sys)("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    module.__loader__ = type(__loader__)("__main__", path)
    module.__annotations__ = {}
    module.__cached__ = None
    return module


def _run(path):
    channel = _Channel()
    sys.argv = [path]
    sys.path[0:0] = [os.path.dirname(path), os.getcwd()]
    sys.stdout.reconfigure(line_buffering=True)  # or a killed job's last lines are lost
    module = sys.modules["__main__"] = _module(path)
    try:
        with open(path, "rb") as file:
            source = file.read()
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
        main = module.__dict__.get("main")
        if callable(main):
            value = main(*[_json_file(file) for file in channel.files[:_wanted(main)]])
            if hasattr(value, "__await__"):
                value = _await(value)
            channel.send(*_encode(value))
    except BaseException:
        _trim_on_report()
        raise


_harness = sys.modules["__main__"]  # its functions are needed to the end
_run(sys.argv[1])
