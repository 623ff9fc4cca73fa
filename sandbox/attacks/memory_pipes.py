# memory_pipes: pins kernel memory in the buffers of full pipes.
# Each pipe may hold a MiB of the kernel's memory; what counts is more than the job's limits together.
block, held = b"x" * 65536, 0
pipes = []
try:
    while held < limit("MEMORY") + 2 * limit("DISK"):
        read, write = os.pipe()
        pipes.append((read, write))
        syscall(SYS["fcntl"], write, 1031, 1 << 20)  # F_SETPIPE_SZ
        os.set_blocking(write, False)
        while True:
            try:
                held += os.write(write, block)
            except BlockingIOError:
                break
    succeeded("%d MiB in pipes" % (held >> 20))
except OSError as error:
    sys.exit(str(error))
