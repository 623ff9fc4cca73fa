# {"exit": 3, "value": "no"}
import sys

sys.exit(3)
