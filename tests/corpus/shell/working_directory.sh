# {"directory": "sub/dir", "out": "/job/work/sub/dir\n"}
pwd
