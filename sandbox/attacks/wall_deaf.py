# wall_deaf: ignores and blocks every signal it can.
import signal
import time

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(2.2)
succeeded("2.2 seconds, deaf to signals")
