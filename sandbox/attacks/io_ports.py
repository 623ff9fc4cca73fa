# io_ports: takes the machine's I/O ports.
# ioperm(2) on the port of the first PC timer.
result = syscall(SYS["ioperm"], 0x40, 1, 1)
if result == 0:
    succeeded("ioperm went through")
