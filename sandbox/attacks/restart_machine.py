# restart_machine: restarts the machine.
# With wrong magic numbers: EINVAL at most.
result = syscall(SYS["reboot"], 0, 0, 0, None)
if result == 0 or result == -errno.EINVAL:
    succeeded("reboot went through")
