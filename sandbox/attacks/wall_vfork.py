# wall_vfork: hides in an uninterruptible wait for a stopped vfork child.
# The parent of a vfork waits uninterruptibly for signals other than SIGKILL.
import signal
import subprocess
import time

subprocess.Popen(["/bin/sh", "-c", "kill -STOP $$; exit 0"])
time.sleep(0.1)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WSTOPPED)
time.sleep(2.2)
succeeded("2.2 seconds beside a stopped child")
