# {"value": 1}
import os

with open(os.environ["CODE_OUTPUT"], "w") as file:
    file.write("2")


def main():
    return 1
