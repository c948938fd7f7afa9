"""The line to the broker, told to end in the worst moment."""

import asyncio
from pathlib import Path

import pytest

from shared.line import RedisLine
from tests.mesh import Broker
from tests.upstreams.started import run


def test_it_ends_when_it_is_closed_in_the_moment_in_which_its_connection_breaks(tmp_path: Path) -> None:
    """What a broker that goes away does to a worker that is told to stop: both are a cancellation of the same task."""
    broker = Broker(tmp_path)
    try:

        async def test() -> None:
            line = RedisLine(broker.url, pending_max=100, timeout_s=2.0)
            await line.open()
            closing: list[asyncio.Task[None]] = []

            async def greet() -> None:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    closing.append(asyncio.create_task(line.close()))
                    await asyncio.sleep(0)
                    raise

            line.on_connect.append(greet)
            with broker.client() as client:
                while not closing:
                    client.client_kill_filter(_type="normal", skipme=True)
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(20):
                await closing[0]

        run(test)
    finally:
        broker.process.kill()


@pytest.mark.parametrize("closes", [1, 2])
def test_a_line_that_was_never_open_may_be_closed(closes: int) -> None:
    async def test() -> None:
        line = RedisLine("redis://127.0.0.1:1/0", pending_max=1, timeout_s=1.0)
        for _ in range(closes):
            await line.close()

    run(test)
