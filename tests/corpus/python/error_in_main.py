# {"exit": 1, "err": "^Traceback \\(most recent call last\\):\\n  File \"/job/script.py\", line 3, in main\\n    raise ValueError\\(\"no\"\\)\\nValueError: no\\n$", "value": "no"}
def main():
    raise ValueError("no")
