# {"directory": "sub/dir", "out": "/job/work/sub/dir /job/work\n"}
import os

print(os.getcwd(), os.environ["HOME"])
