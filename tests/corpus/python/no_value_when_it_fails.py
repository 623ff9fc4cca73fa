# {"exit": 1, "value": "no"}
import os
import sys

with open(os.environ["CODE_OUTPUT"], "w") as file:
    file.write("2")
sys.exit(1)
