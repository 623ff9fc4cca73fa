# disk_deleted: keeps files open that it has deleted.
written, files = 0, []
try:
    while written < 3 * limit("DISK"):
        file = open("gone", "wb", buffering=0)
        os.unlink("gone")
        files.append(file)
        written += file.write(b"x" * (1 << 20))
except OSError as error:
    sys.exit(str(error))
succeeded("%d MiB in deleted files" % (written >> 20))
