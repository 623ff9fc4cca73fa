# kill_init: kills pid 1 of its sandbox to take the reaper away.
# In a pid namespace of its own, pid 1 takes no signal from inside.
import signal
import time

try:
    os.kill(1, signal.SIGTERM)
    os.kill(1, 0)
except OSError:
    pass
time.sleep(0.05)
if not os.path.exists("/proc/1/status"):
    succeeded("pid 1 is gone")
