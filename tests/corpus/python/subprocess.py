# {"out": "from a child\n", "value": 0}
import subprocess


def main():
    return subprocess.run(["echo", "from a child"]).returncode
