# signal_worker: finds the worker by signal.
# Signal 0: nothing is sent. EPERM would tell as well that it is there.
try:
    os.kill(int(bait("PID")), 0)
    succeeded("the worker's pid takes signals")
except PermissionError:
    succeeded("the worker's pid exists")
except ProcessLookupError:
    pass
