# {"exit": 0, "out": "a\n"}
import sys

print("a")
sys.exit()
