# memory_memfd: fills memfds, files that no file system's size limits.
# Pages of a memfd belong to no process and to no mounted file system.
block, size = b"x" * (1 << 20), 0
files = []
while size < 3 * limit("MEMORY"):
    if size % (32 << 20) == 0:
        files.append(os.memfd_create("attack"))
    size += os.write(files[-1], block)
succeeded("%d MiB in memfds" % (size >> 20))
