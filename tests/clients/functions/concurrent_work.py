"""A coroutine run to its end within the invocation, threads beside it, and a child process."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


async def square(number):
    await asyncio.sleep(0.01)
    return number * number


async def squares(numbers):
    return await asyncio.gather(*(square(number) for number in numbers))


def handler(event, context):
    with ThreadPoolExecutor(4) as pool:
        doubled = list(pool.map(lambda number: 2 * number, event))
    child = subprocess.run(
        [sys.executable, "-c", "print(sum([" + ",".join(map(str, event)) + "]))"], capture_output=True, text=True
    )
    return {"squares": asyncio.run(squares(event)), "doubled": doubled, "sum": int(child.stdout)}
