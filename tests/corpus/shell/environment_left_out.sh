# {"environment": ["LD_PRELOAD=/x", "LD_LIBRARY_PATH=/x", "NODE_OPTIONS=-x", "PYTHONPATH=/x", "CODE_OUTPUT=/x", "CODE_EXTRA=1", "PATH=/bin:/usr/bin"], "out": "CODE_OUTPUT=/job/output.json\n"}
env | grep -E '^(LD_|NODE_OPTIONS|PYTHON|CODE_OUTPUT|CODE_EXTRA)'
true
