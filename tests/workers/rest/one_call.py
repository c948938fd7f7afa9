"""A worker's REST backend as a process of its own, which makes one call: to be killed in the middle of it."""

import asyncio
import os
import sys
from pathlib import Path

from tests.workers.rest.opened import opened
from tests.workers.rest.tokens import QUICK


async def call(directory: str, text: str, url: str, redis_url: str) -> None:
    """Call `look`."""
    opening = opened(Path(directory), text, url, environment=dict(os.environ), redis_url=redis_url, settings=QUICK)
    async with opening as caller:
        print(await caller.text("look"), flush=True)


if __name__ == "__main__":
    where, file, *urls = sys.argv[1:]
    asyncio.run(call(where, Path(file).read_text(), *urls))
