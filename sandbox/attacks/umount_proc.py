# umount_proc: takes away what covers the host's mounts.
# MNT_DETACH of the sandbox's own /proc.
result = syscall(SYS["umount2"], b"/proc", 2)
if result == 0:
    succeeded("umount2 went through")
