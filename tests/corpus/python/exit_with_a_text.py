# {"exit": 1, "err": "^bye\n$"}
import sys

sys.exit("bye")
