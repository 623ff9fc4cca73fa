# secret_memory: takes memory that the kernel can't reclaim or dump.
# memfd_secret(2): locked, and out of the core's sight.
result = syscall(SYS["memfd_secret"], 0)
if result >= 0:
    succeeded("memfd_secret went through")
