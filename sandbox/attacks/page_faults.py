# page_faults: handles page faults in user space, to hold the kernel at will.
# userfaultfd(2), a help to win races in the kernel.
result = syscall(SYS["userfaultfd"], 1)
if result >= 0:
    succeeded("userfaultfd went through")
