# file_by_handle: opens a file of the host by its handle, past every path.
# A handle of inode 2, as in the escape from early containers; type 1, 8 bytes.
import struct

handle = struct.pack("IiQ", 8, 1, 2)
result = syscall(SYS["open_by_handle_at"], -100, handle, 0)
if result >= 0 or result == -errno.ESTALE:
    succeeded("open_by_handle_at went through")
