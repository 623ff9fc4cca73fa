# {"exit": 1, "out": "", "err": "was closed"}
import os

os.close(3)
file = open("f", "w")
assert file.fileno() == 3


def main():
    return 1
