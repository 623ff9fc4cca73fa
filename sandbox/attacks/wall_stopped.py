# wall_stopped: stops itself, so that it could not act on a polite request.
import signal
import time

if os.fork() == 0:
    time.sleep(2.2)
    os.kill(os.getppid(), signal.SIGCONT)
    os._exit(0)
os.kill(os.getpid(), signal.SIGSTOP)
succeeded("came back after 2.2 seconds")
