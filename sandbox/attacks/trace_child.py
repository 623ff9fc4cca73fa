# trace_child: uses ptrace at all, a rich source of kernel bugs.
# PTRACE_TRACEME of itself, by which a parent could rewrite what the filter has seen.
result = syscall(SYS["ptrace"], 0, 0, 0, 0)
if result == 0:
    succeeded("ptrace went through")
