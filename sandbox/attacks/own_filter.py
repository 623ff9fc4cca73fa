# own_filter: adds a filter with a listener of its own, to answer in the launcher's place.
# SECCOMP_SET_MODE_FILTER: an empty program is EINVAL, EFAULT where the door is open.
result = syscall(SYS["seccomp"], 1, 0, None)
if result == 0 or result == -errno.EFAULT:
    succeeded("seccomp went through")
