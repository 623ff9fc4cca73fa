# own_filter_prctl: adds a filter by prctl, past a rule for seccomp alone.
# PR_SET_SECCOMP with a null program: EFAULT where the door is open.
result = syscall(SYS["prctl"], 22, 2, 0, 0, 0)
if result == 0 or result == -errno.EFAULT:
    succeeded("PR_SET_SECCOMP went through")
