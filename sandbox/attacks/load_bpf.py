# load_bpf: loads a BPF program.
# BPF_MAP_CREATE with an empty attribute: EINVAL where the door is open.
result = syscall(SYS["bpf"], 0, b"\0" * 64, 64)
if result >= 0 or result == -errno.EINVAL:
    succeeded("bpf went through")
