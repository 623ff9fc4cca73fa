# output_late: changes its value after its end from a process left behind.
import time

with open(os.environ["CODE_OUTPUT"], "w") as file:
    file.write('"the value"')
if os.fork() == 0:
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.002)
    time.sleep(0.05)
    with open(os.environ["CODE_OUTPUT"], "w") as file:
        file.write('"ATTACK-SUCCEEDED: changed after the end"')
    os._exit(0)
