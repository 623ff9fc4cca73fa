# {"exit": 1, "err": "^Traceback \\(most recent call last\\):\\n((?!During).)*OSError: \\[Errno 24\\] Too many open files: .*\\n$"}
held = []
while True:
    held.append(open("/dev/null"))
