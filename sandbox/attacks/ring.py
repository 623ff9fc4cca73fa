# ring: has the kernel make calls past the filter.
# io_uring's requests are no system calls: a ring opens sockets for a job that may not.

result = syscall(SYS["io_uring_setup"], 4, b"\0" * 120)
if result >= 0:
    succeeded("io_uring_setup went through")
