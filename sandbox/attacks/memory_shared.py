# memory_shared: touches shared anonymous memory, which no rlimit counts.
# MAP_SHARED | MAP_ANONYMOUS is not counted by RLIMIT_DATA.
import mmap

size = 3 * limit("MEMORY")
area = mmap.mmap(-1, size)
for at in range(0, size, 4096):
    area[at] = 1
succeeded("%d MiB of shared memory" % (size >> 20))
