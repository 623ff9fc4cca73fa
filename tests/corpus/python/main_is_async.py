# {"input": {"a": 6}, "context": {"c": [1]}, "value": 6}
import asyncio


async def main(input):
    await asyncio.sleep(0.01)
    return (await asyncio.gather(asyncio.sleep(0, input["a"])))[0]
