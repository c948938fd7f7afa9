"""A recorder on an event loop of its own, for tests whose mesh is made of processes."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.upstreams.recorder import Answers, Recorder, recording

_WAIT_S = 10.0


@contextmanager
def recorder_thread(answers: Answers) -> Iterator[Recorder]:
    """One that listens; `answers` is called on its thread."""
    started = threading.Event()
    holder: list[Recorder] = []
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with recording(answers) as recorder:
            holder.append(recorder)
            started.set()
            await over.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(_WAIT_S), "the recorder listens"
    try:
        yield holder[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(_WAIT_S)
        assert not thread.is_alive()
