# {"exit": 1, "err": "line 3, in f\\n.*RecursionError"}
def f():
    f()


f()
