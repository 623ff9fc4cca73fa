# cpu_spin: spins on one processor.
import time

while time.process_time() < 4:
    pass
succeeded("4 seconds of processor time")
