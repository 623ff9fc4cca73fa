# see_segments: sees shared memory segments of the machine.
with open("/proc/sysvipc/shm") as table:
    if any(line.split()[1] == bait("SEGMENT") for line in list(table)[1:]):
        succeeded("the host's segment is listed")
