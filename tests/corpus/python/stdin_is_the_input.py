# {"input": {"a": 6}, "context": {"c": [1]}, "out": "{\"a\":6}"}
import shutil
import sys

shutil.copyfileobj(sys.stdin, sys.stdout)
