# memory_zero_device: fills shared maps of /dev/zero, which then belong to no process.
import mmap
import time

PIECE = 8 << 20
fd = os.open("/dev/zero", os.O_RDWR)
held = []
for taken in range(0, 2 * limit("MEMORY"), PIECE):
    held.append(mmap.mmap(fd, PIECE, mmap.MAP_SHARED))
    for at in range(0, PIECE, 4096):
        held[-1][at] = 1
    held[-1].madvise(mmap.MADV_DONTNEED)
time.sleep(0.3)
if held[0][0] == 1:
    succeeded("%d MiB beside its memory" % (len(held) * PIECE >> 20))
