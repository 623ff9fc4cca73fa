# mount_interrupted: has its calls interrupted before the launcher looks at them.
import signal

signal.signal(signal.SIGALRM, lambda number, frame: None)
for microseconds in range(20, 20000, 20):
    signal.setitimer(signal.ITIMER_REAL, microseconds / 1e6)
    result = syscall(SYS["mount"], b"x", b"/tmp", b"tmpfs", 0, 0)
    if result != -errno.EINTR:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.sigtimedwait([], 1)
        succeeded("after an interrupted call mount gives %d, and the job lives" % result)
