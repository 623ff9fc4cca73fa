# kernel_log: reads the kernel's log.
# syslog(SYSLOG_ACTION_SIZE_BUFFER).
result = syscall(SYS["syslog"], 10, None, 0)
if result >= 0:
    succeeded("syslog went through")
