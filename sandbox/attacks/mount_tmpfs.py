# mount_tmpfs: mounts a file system.
# Without capabilities it would be EPERM: the attempt alone tells.
result = syscall(SYS["mount"], b"none", b"/job/work", b"tmpfs", 0, None)
if result >= 0:
    succeeded("mount went through")
