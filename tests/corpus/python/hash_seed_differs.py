# {"value": true}
import subprocess
import sys


def main():
    command = [sys.executable, "-c", "print(hash('x'))"]
    return len({hash("x"), *(int(subprocess.check_output(command)) for _ in range(3))}) > 1
