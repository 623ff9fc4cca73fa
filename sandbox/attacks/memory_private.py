# memory_private: touches private memory up to three times its limit.
# Takes private memory, a MiB at a time, up to three times the limit.
taken = []
while len(taken) << 20 < 3 * limit("MEMORY"):
    taken.append(bytearray(b"x" * (1 << 20)))
succeeded("%d MiB of private memory" % len(taken))
