# foreign_descriptor: takes a descriptor out of pid 1.
# pidfd_open(1), then its descriptor 0.
result = syscall(SYS["pidfd_open"], 1, 0)
if result >= 0:
    result = syscall(SYS["pidfd_getfd"], result, 0, 0)
if result >= 0:
    succeeded("a descriptor of pid 1")
