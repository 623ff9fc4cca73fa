# {"exit": 1, "err": "^Traceback \\(most recent call last\\):\\n  File \"/job/script.py\", line 6, in main\\n    raise ValueError\\(\"no\"\\)\\nValueError: no\\n$"}
import asyncio

async def main():
    await asyncio.sleep(0)
    raise ValueError("no")
