# last_call_interrupted: has its last call (sandbox/shared/leave.h) interrupted when the launcher has read it
# and takes the job for ended, and then changes its value.
import random
import signal
import time

LATE = b'"ATTACK-SUCCEEDED: changed after the end"'
LEAVE_MARK = 0x4556454C
value = os.open(os.environ["CODE_OUTPUT"], os.O_WRONLY | os.O_CREAT, 0o644)
os.write(value, b'"the value"'.ljust(len(LATE)))
signal.signal(signal.SIGALRM, lambda number, frame: None)
syscall(SYS["getpid"])  # what it loads is loaded
signal.setitimer(signal.ITIMER_REAL, random.uniform(50, 500) / 1e6)
syscall(SYS["exit_group"], 0, LEAVE_MARK)
os.pwrite(value, LATE, 0)
time.sleep(0.1)
os._exit(1)  # interrupted before it was read: the job goes on, and ends as one whose value nobody reads
