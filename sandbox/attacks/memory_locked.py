# memory_locked: locks memory beyond what a user may.
# 64 MiB of locked memory: below the job's limit, above RLIMIT_MEMLOCK.
import mmap

size = 64 << 20
area = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(area))
if syscall(SYS["mlock"], address, size) == 0:
    succeeded("64 MiB locked")
