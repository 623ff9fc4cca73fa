# {"signal": "SIGKILL", "out": "line\n"}
import os

print("line")
os.kill(os.getpid(), 9)
