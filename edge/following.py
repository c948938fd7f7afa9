"""A call that no client waits for at a connection, followed to its end."""

import asyncio

from edge.calls import Calls
from edge.running import TICK_S, Running
from shared.errors import MeshError
from shared.messages import Final


async def follow(calls: Calls, running: Running) -> Final | MeshError:
    """Its end, or what can be said when its time is over. What is said on the way is passed over."""
    loop = asyncio.get_running_loop()
    waiter = running.waiter
    late = loop.call_at(running.late_at, waiter.wake)
    try:
        while waiter.final is None:
            while waiter.take() is not None:
                pass
            if loop.time() + TICK_S >= running.late_at:
                error = await calls.give_up(running)
                if error is not None:
                    return error
            else:
                await waiter.wait()
        return waiter.final
    finally:
        late.cancel()
        calls.forget(running)
