# memory_page_tables: spreads reads over address space that takes no memory but page tables.
import mmap
import time

SPAN = 2 << 20  # one page of tables
count = 3 * limit("MEMORY") // 4096
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE
start = _libc.mmap(None, count * SPAN, mmap.PROT_READ, flags, -1, 0)
if start == ctypes.c_void_p(-1).value:
    sys.exit("mmap: errno %d" % ctypes.get_errno())
_libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(count * SPAN), 15)  # MADV_NOHUGEPAGE
for at in range(start, start + count * SPAN, SPAN):
    ctypes.c_ubyte.from_address(at).value
time.sleep(0.3)
succeeded("%d MiB of page tables" % (count * 4096 >> 20))
