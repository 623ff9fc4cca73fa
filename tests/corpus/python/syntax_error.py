# {"exit": 1, "err": "^  File \"/job/script.py\", line 3\\n    x = = 2\\n        \\^\\nSyntaxError: invalid syntax\\n$"}
y = 1
x = = 2
