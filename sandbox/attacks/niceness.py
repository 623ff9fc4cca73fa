# niceness: raises its priority over everything else.
import time

for raise_priority in (lambda: os.nice(-5),
                       lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))):
    try:
        raise_priority()
        succeeded("priority raised")
    except OSError:
        pass
