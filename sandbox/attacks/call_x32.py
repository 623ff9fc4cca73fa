# call_x32: calls the kernel by its x32 door.
# Bit 30 of the number marks an x32 call: the numbers of the filter do not match.
result = syscall(SYS["getpid"] | 0x40000000)
if result == os.getpid():
    succeeded("an x32 call was answered")
