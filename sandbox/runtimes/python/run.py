# run.py: runs one script as `python3 script.py` would, then main(input, context), and hands its value on.
#
# argv: run.py SCRIPT. Descriptor 3 is the value's channel: one byte of kind ('v' JSON text, 'e' why the
# value is not JSON), the length in 4 little-endian bytes, the text. What is not needed by every job
# is imported where it is needed, since imports are most of a short job's time.
import sys

VALUE_FD = 3


def _send(kind, text):
    import os

    data = kind + len(text).to_bytes(4, "little") + text
    try:
        while data:
            data = data[os.write(VALUE_FD, data):]
    except OSError:
        pass


def _json_file(name):
    import json
    import os

    with open(os.environ[name], encoding="utf-8") as file:
        text = file.read()
    return json.loads(text) if text else None


def _parameters(function):
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 2
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return 2
    return min(2, sum(p.kind in kinds for p in parameters))


def _call(function):
    values = []
    wanted = _parameters(function)
    if wanted > 0:
        values.append(_json_file("CODE_INPUT"))
    if wanted > 1:
        values.append(_json_file("CODE_CONTEXT"))
    value = function(*values)
    if hasattr(value, "__await__"):
        import asyncio

        async def wait():
            return await value

        value = asyncio.run(wait())
    return value


def _encode(value):
    import json

    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return b"v", text.encode("utf-8")
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        reason = "%s: %s" % (type(error).__name__, error)
        return b"e", reason.encode("utf-8", "replace")[:200]


def _without_harness(error):
    """Drops this file's frames from a traceback and from those of its causes."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        error.__traceback__ = trace
        error = error.__cause__ or error.__context__


def _hook(kind, error, trace):
    _without_harness(error)
    if isinstance(error, SyntaxError):
        error.__traceback__ = None
    sys.__excepthook__(kind, error, error.__traceback__)


def _run(path):
    import os

    os.set_inheritable(VALUE_FD, False)
    sys.argv = [path]
    sys.path[0:0] = [os.path.dirname(path)]
    module = type(sys)("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    harness = sys.modules["__main__"]
    sys.modules["__main__"] = module
    sys.excepthook = _hook
    with open(path, "rb") as file:
        source = file.read()
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    function = module.__dict__.get("main")
    if callable(function):
        _send(*_encode(_call(function)))
    return harness


_harness = _run(sys.argv[1])
