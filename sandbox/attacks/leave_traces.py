# leave_traces: leaves files for another job to find.
# Its other half, find_traces, runs next in the same slot.
for directory in ("/tmp", "/dev/shm", "/job", "/job/work"):
    with open(directory + "/attack-trace", "w") as file:
        file.write("here I was")
