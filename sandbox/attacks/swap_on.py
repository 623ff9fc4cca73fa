# swap_on: lets the kernel swap to a file of its own.
# A path that does not exist.
result = syscall(SYS["swapon"], b"/job/work/none", 0)
if result == 0 or result == -errno.ENOENT:
    succeeded("swapon went through")
