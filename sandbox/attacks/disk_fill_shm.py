# disk_fill_shm: fills /tmp, /dev/shm and its directory one after the other.
# All three are one file system: filling one leaves nothing in the others.
written = 0
try:
    for directory in ("/tmp", "/dev/shm", "."):
        with open(directory + "/big", "wb", buffering=0) as file:
            for _ in range(limit("DISK") * 8 // 10 >> 16):
                written += file.write(b"x" * 65536)
except OSError as error:
    sys.exit(str(error))
succeeded("%d MiB in three places" % (written >> 20))
