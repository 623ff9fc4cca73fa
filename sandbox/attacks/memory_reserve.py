# memory_reserve: maps private memory far beyond its limit, before any sample is taken.
# Where memory is sampled and not counted, what a process may map at all is the bound between samples.
import mmap

size = 4 * limit("MEMORY") + (256 << 20)
try:
    area = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
except OSError as error:
    sys.exit(str(error))
succeeded("%d MiB mapped" % (size >> 20))
