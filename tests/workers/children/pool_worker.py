"""A worker with children, as a process that a test can kill: one runs for ever, one is held, one is spare.

Prints `pids` with the ids of its children on one line and waits for SIGTERM, which closes the pool.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.upstreams.stdio_started import descendants
from tests.workers.children.payloads import LOOP, pool_of


async def main() -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with pool_of(children_spare=1) as pool, AsyncExitStack() as stack:
        running = await stack.enter_async_context(pool.child("payload", "ada", 60.0))
        await running.send({"run": "payload", "python": LOOP})
        await stack.enter_async_context(pool.child("payload", "bob", 60.0))
        while len(descendants()) < 3:
            await asyncio.sleep(0.02)
        print("pids", *descendants(), flush=True)
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(main())
