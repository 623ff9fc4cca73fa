# set_clock: sets the machine's clock.
# A bad pointer: EFAULT where the door is open.
result = syscall(SYS["clock_settime"], 0, 1)
if result == 0 or result == -errno.EFAULT:
    succeeded("clock_settime went through")
