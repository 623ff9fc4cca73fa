# mount_bind: mounts the root over its own directory.
# A bind mount could bring back what a read-only mount covers.
result = syscall(SYS["mount"], b"/", b"/job/work", None, 4096, None)
if result >= 0:
    succeeded("mount went through")
