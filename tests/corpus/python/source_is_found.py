# {"out": "def f():\n    pass\n\n"}
import inspect


def f():
    pass


print(inspect.getsource(f))
