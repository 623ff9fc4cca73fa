# predictable_layout: switches address randomisation off for what it executes.
# personality(ADDR_NO_RANDOMIZE).
result = syscall(SYS["personality"], 0x40000)
if result >= 0:
    succeeded("personality went through")
