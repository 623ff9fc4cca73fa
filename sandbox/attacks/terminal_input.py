# terminal_input: types into the caller's terminal.
# TIOCSTI with bits above 32 set, which the kernel ignores and a careless filter compares.
for high in (0, 1 << 32):
    for descriptor in (0, 1, 2):
        result = syscall(SYS["ioctl"], descriptor, 0x5412 | high, b"#")
        if result == 0 or result == -errno.ENOTTY:
            succeeded("TIOCSTI reached the driver: %d" % result)
