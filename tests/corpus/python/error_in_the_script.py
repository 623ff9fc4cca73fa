# {"exit": 1, "err": "^Traceback \\(most recent call last\\):\\n  File \"/job/script.py\", line 6, in <module>\\n    f\\(\\)\\n  File \"/job/script.py\", line 3, in f\\n    return 1 / 0\\n           ~~\\^~~\\nZeroDivisionError: division by zero\\n$"}
def f():
    return 1 / 0


f()
