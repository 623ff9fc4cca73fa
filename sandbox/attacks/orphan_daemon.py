# orphan_daemon: leaves a daemon behind: double fork, session, closed descriptors.
# The daemon lives for 5 s at most; its command line carries the mark that is looked for outside.
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for descriptor in range(3):
            os.close(descriptor)
        os.execv("/usr/bin/sleep", [os.environ["ATTACK_MARK"], "5"])
    os._exit(0)
os.wait()
import time

time.sleep(0.1)
