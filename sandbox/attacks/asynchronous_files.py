# asynchronous_files: takes the machine's few contexts of asynchronous I/O from everyone else.
context = ctypes.c_ulong(0)
result = syscall(SYS["io_setup"], 1, ctypes.byref(context))
if result >= 0:
    succeeded("io_setup went through")
