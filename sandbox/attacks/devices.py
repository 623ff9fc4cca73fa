# devices: opens devices of the machine.
for name in ("mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "loop-control", "loop0", "fuse", "kvm",
             "net/tun", "ptmx", "tty", "console", "vhost-net", "userfaultfd", "rtc0", "snapshot"):
    try:
        os.close(os.open("/dev/" + name, os.O_RDONLY | os.O_NONBLOCK))
        succeeded("/dev/" + name)
    except OSError:
        pass
