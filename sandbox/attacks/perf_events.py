# perf_events: measures the kernel and other processes.
# perf_event_open(2) of a software clock on itself.
import struct

attributes = struct.pack("IIQ", 1, 112, 0) + b"\0" * 96
result = syscall(SYS["perf_event_open"], attributes, 0, -1, -1, 0)
if result >= 0:
    succeeded("perf_event_open went through")
