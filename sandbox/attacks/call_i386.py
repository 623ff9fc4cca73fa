# call_i386: calls the kernel by its 32-bit door.
# int 0x80 has other numbers than the filter's: 20 is getpid there, writev here.

import mmap

code = bytes.fromhex("53 b8 14 00 00 00 cd 80 5b c3")  # push rbx; mov eax, 20; int 0x80; pop rbx; ret
area = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
area.write(code)
function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))
if function() == os.getpid():
    succeeded("a 32-bit call was answered")
