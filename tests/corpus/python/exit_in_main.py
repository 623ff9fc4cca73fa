# {"exit": 4, "value": "no"}
import sys


def main():
    sys.exit(4)
