# kernel_settings: changes the kernel's settings through /proc.
for path in ("sys/kernel/core_pattern", "sys/kernel/hostname", "sys/vm/overcommit_memory", "sysrq-trigger",
             "sys/kernel/modprobe", "sys/fs/binfmt_misc/register", "sys/net/ipv4/ip_forward",
             "sys/kernel/yama/ptrace_scope"):
    try:
        os.close(os.open("/proc/" + path, os.O_WRONLY))
        succeeded("/proc/%s is writable" % path)
    except OSError:
        pass
