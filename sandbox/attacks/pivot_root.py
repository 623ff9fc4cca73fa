# pivot_root: changes the root of the mount namespace.
# pivot_root(2) to its own directory.
result = syscall(SYS["pivot_root"], b"/job/work", b"/job/work")
if result == 0:
    succeeded("pivot_root went through")
