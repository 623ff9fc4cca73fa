# kernel_memory: reads the kernel's memory, addresses and log through /proc.
for path in ("kcore", "kmsg", "kpageflags", "vmallocinfo", "slabinfo", "1/stack", "self/stack"):
    try:
        with open("/proc/" + path, "rb") as file:
            if file.read(64):
                succeeded("/proc/%s is readable" % path)
    except OSError:
        pass
try:
    with open("/proc/kallsyms") as symbols:
        if int(symbols.readline().split()[0], 16):
            succeeded("kernel addresses")
except (OSError, IndexError):
    pass
