# {"out": "0 1 2 3\n"}
import subprocess

subprocess.run(["sh", "-c", "echo $(ls /proc/self/fd)"])
