# own_namespace_clone3: makes namespaces by clone3, whose flags a filter can't see.
# The flags are behind a pointer, out of a filter's sight.
import struct

arguments = struct.pack("8Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0)
result = syscall(SYS["clone3"], arguments, 64)
if result == 0:
    os._exit(0)
if result > 0:
    succeeded("clone3 made a user namespace")
