# own_mount_namespace: makes namespaces by clone.
# clone(CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD); the child only ends.
result = syscall(SYS["clone"], 0x10000000 | 0x20000 | 17, 0, 0, 0, 0)
if result == 0:
    os._exit(0)
if result > 0:
    succeeded("clone made namespaces")
