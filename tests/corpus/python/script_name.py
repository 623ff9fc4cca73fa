# {"name": "my script.py", "exit": 1, "err": "File \"/job/my script.py\", line 2, in <module>"}
1 / 0
