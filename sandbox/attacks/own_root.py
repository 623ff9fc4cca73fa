# own_root: changes its root, the first step of an old escape.
# chroot(2) with a descriptor kept outside.
result = syscall(SYS["chroot"], b"/job/work")
if result == 0:
    succeeded("chroot went through")
