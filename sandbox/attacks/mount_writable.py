# mount_writable: makes a read-only mount writable.
# mount_setattr(2) on the root: attr_clr = MOUNT_ATTR_RDONLY.
import struct

attributes = struct.pack("QQQQ", 0, 1, 0, 0)
result = syscall(SYS["mount_setattr"], -100, b"/usr", 0, attributes, 32)
if result == 0:
    succeeded("mount_setattr went through")
