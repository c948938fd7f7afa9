"""The processes of `toolmesh up`: being told to stop ends what it waits for, whatever that does."""

import asyncio

from toolmesh.process_tree import ProcessTree


def test_what_does_not_hear_that_it_is_cancelled_is_told_again() -> None:
    async def main() -> list[str]:
        tree = ProcessTree("redis://127.0.0.1:1/0", None, ())
        began = asyncio.Event()
        heard: list[str] = []

        async def deaf_at_first() -> None:
            began.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard.append("once")
            try:
                await asyncio.Event().wait()
            finally:
                heard.append("twice")

        async with asyncio.timeout(10):
            running = asyncio.create_task(tree.run_until_stopped(deaf_at_first()))
            await began.wait()
            await tree.stop()
            await running
        return heard

    assert asyncio.run(main()) == ["once", "twice"]
