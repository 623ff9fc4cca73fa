# value.py: the part of run.py that calls main, encodes its value and reports an error. See there.
#
# The C parts of json are used by themselves, since importing json takes longer than many a job. A
# traceback ends up without the frames of these two files: the script's are those after the last
# of ours.
VARIABLE_ARGUMENTS = 0x04  # inspect.CO_VARARGS


class Decoding:
    """json.JSONDecoder's settings, for the scanner in C."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = float
    memo = {}


def decode(text):
    """json.loads()."""
    try:
        from _json import make_scanner

        value, end = make_scanner(Decoding)(text, 0)
        if end == len(text):
            return value
    except Exception:
        pass
    import json

    return json.loads(text)


def argument(path):
    with open(path, encoding="utf-8") as file:
        text = file.read().strip(" \t\r\n")
    return decode(text) if text else None


def arguments_wanted(function):
    """How many positional arguments main takes, 2 at most."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    if type(function) is type(arguments_wanted) and not hasattr(function, "__signature__"):
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


def run_async(value):
    import asyncio

    async def wait():
        return await value

    return asyncio.run(wait())


def main_call(main):
    value = main(*[argument(path) for path in ARGUMENTS[:arguments_wanted(main)]])
    return run_async(value) if hasattr(value, "__await__") else value


def not_json(value):
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def dumps(value):
    """json.dumps()."""
    try:
        from _json import encode_basestring, make_encoder

        encoder = make_encoder({}, not_json, encode_basestring, None, ":", ",", False, False, False)
    except (ImportError, TypeError):
        import json

        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return "".join(encoder(value, 0))


def value_encode(value):
    try:
        return b"v", dumps(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        reason = "%s: %s" % (type(error).__name__, error)
        return b"e", reason.encode("utf-8", "replace")[:200]


def value_send(kind, text):
    if not channel:
        return
    if identity() != channel[0] or not channel[0]:
        raise RuntimeError("descriptor 3, the channel of main's value, was closed")
    data = kind + len(text).to_bytes(4, "little") + text
    while data:
        data = data[os.write(VALUE_FD, data):]


def script_trace(error):
    """Of a traceback, what comes after our frames; the same for what led to the error."""
    ours = os.path.dirname(__file__) + "/"
    seen = set()
    first = error
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        trace = own = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in (ours + "run.py", ours + "value.py", ours + "warm.py"):
                own = trace.tb_next
            trace = trace.tb_next
        error.__traceback__ = own
        error = error.__cause__ or error.__context__
    return first.__traceback__


def trim_on_report():
    """The interpreter reports the error itself, through whatever hook the script has set."""
    hook = sys.excepthook

    def trimmed(kind, error, trace):
        sys.excepthook = hook
        hook(kind, error, script_trace(error))

    sys.excepthook = trimmed
