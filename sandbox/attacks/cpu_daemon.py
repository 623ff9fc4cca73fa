# cpu_daemon: leaves the work to an orphan in a session of its own.
import time

read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while time.process_time() < 3:
            pass
        os.write(write, b"x")
    os._exit(0)
os.close(write)
if os.read(read, 1):
    succeeded("an orphan used 3 seconds of processor time")
