# read_other_memory: reads the memory of pid 1.
# process_vm_readv(2) with empty vectors, enough for the permission check.
result = syscall(SYS["process_vm_readv"], 1, None, 0, None, 0, 0)
if result == 0:
    succeeded("process_vm_readv went through")
