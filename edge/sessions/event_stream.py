"""A response that stays open: events are written when there are some, and it ends when either side ends it.

An idle stream costs its connection and the one task that uvicorn gave it, which waits for the client to go away. A second
task lives only while something is written.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from edge.render import KEEP_ALIVE, STREAM_HEADERS

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Take = Callable[[], bytes | None]
"""Gives what is to be written next, or None for nothing."""


class EventStream:
    """One open stream (WHATWG server-sent events over a chunked response)."""

    __slots__ = ("_end", "_ending", "_receive", "_send", "_slow_reader_s", "_take", "_writing", "written_at")

    def __init__(self, receive: Receive, send: Send, take: Take, slow_reader_s: float) -> None:
        self._receive = receive
        self._send = send
        self._take = take
        self._slow_reader_s = slow_reader_s
        self._end: asyncio.Timeout | None = None
        self._ending = False
        self._writing: asyncio.Task[None] | None = None
        self.written_at = 0.0
        """Loop time of the last write."""

    async def run(self, first: bytes, last: Take) -> None:
        """Write `first`, then what comes, until the client is gone or `end` is called; then what `last` gives."""
        await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        self.written_at = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": first, "more_body": True})
        gone = False
        try:
            async with asyncio.timeout(None) as self._end:
                self.wake()
                if self._ending:
                    self.end()
                while (await self._receive())["type"] != "http.disconnect":
                    pass
                gone = True
        except TimeoutError:
            pass  # `end` was called
        finally:
            self._end = None
            if self._writing is not None:
                if gone:
                    self._writing.cancel()
                await asyncio.gather(self._writing, return_exceptions=True)
        if not gone:
            await self._finish(last() or b"")

    async def _finish(self, chunk: bytes) -> None:
        try:
            async with asyncio.timeout(self._slow_reader_s):
                await self._send({"type": "http.response.body", "body": chunk})
        except TimeoutError:
            abort(self._send)

    def end(self) -> None:
        """End the stream: what waits is written first."""
        self._ending = True
        if self._end is not None and not self._end.expired():
            self._end.reschedule(0)

    def wake(self) -> None:
        """There is something to write."""
        if self._writing is None and self._end is not None:
            self._writing = asyncio.get_running_loop().create_task(self._write(None))

    def keep_alive(self) -> None:
        """Write a comment, so that what stands between does not take the silence for the end."""
        if self._writing is None and self._end is not None:
            self._writing = asyncio.get_running_loop().create_task(self._write(KEEP_ALIVE))

    async def _write(self, chunk: bytes | None) -> None:
        loop = asyncio.get_running_loop()
        try:
            while chunk is not None or (chunk := self._take()) is not None:
                self.written_at = loop.time()
                async with asyncio.timeout(self._slow_reader_s):
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = None
        except TimeoutError:
            abort(self._send)
            self.end()
        finally:
            self._writing = None


def patient(send: Send, slow_reader_s: float) -> Send:
    """A `send` that cuts the connection when its client takes nothing for that long."""

    async def bounded(message: MutableMapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(slow_reader_s):
                await send(message)
        except TimeoutError:
            abort(send)

    return bounded


def abort(send: Send) -> None:
    """Cut the connection behind an ASGI `send`: closing it would wait for a reader who does not read.

    ASGI has no word for it; uvicorn's `send` is a method of the object that holds the transport.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
