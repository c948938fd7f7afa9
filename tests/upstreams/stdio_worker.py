"""What a worker does with stdio backends, as a process that a test can kill.

    python tests/upstreams/stdio_worker.py COUNT

Opens that many backends on uvloop, has each start processes that try to outlive it, prints the ids of all servers and all
that they started on one line, and waits for SIGTERM, which closes the backends in order.
"""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared.settings import Settings
from tests.upstreams.stdio_started import descendants, opened


async def main(count: int) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        settings = Settings(stdio_stop_s=0.2)
        callers = [await stack.enter_async_context(opened("--stubborn", settings=settings)) for _ in range(count)]
        await asyncio.gather(*(caller.text("spawn", {"count": 2}) for caller in callers))
        print("pids", *descendants(), flush=True)
        await stop.wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
