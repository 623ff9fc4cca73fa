# disk_allocate: asks for 10 GiB with fallocate.
with open("big", "wb") as file:
    try:
        os.posix_fallocate(file.fileno(), 0, 10 << 30)
    except OSError as error:
        sys.exit(str(error))
succeeded("10 GiB allocated")
