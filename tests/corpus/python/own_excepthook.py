# {"exit": 1, "out": "hook ZeroDivisionError 8\n", "err": "^$"}
import sys


def hook(kind, error, trace):
    print("hook", kind.__name__, trace.tb_lineno)

sys.excepthook = hook; 1 / 0
