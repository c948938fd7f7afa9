"""What is said on one legacy SSE stream: the answers to its client's messages, which were made for a POST's response."""

import asyncio
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec

from edge.render import KEEP_ALIVE, event

_WAITING_BYTES_MAX = 1024 * 1024
"""From there on answers wait until the client has read some."""


class _Said(msgspec.Struct):
    id: str | int | None = None


_ids = msgspec.json.Decoder(_Said)


class Outbound:
    """The events that wait for the stream."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self.gone = asyncio.Event()
        """Set when the stream is over: nobody hears anything any more."""
        self.wake: Callable[[], None] = lambda: None

    def take(self) -> bytes | None:
        """The next event, or None."""
        if not self._waiting:
            return None
        chunk = self._waiting.popleft()
        self._bytes -= len(chunk)
        if self._bytes < _WAITING_BYTES_MAX:
            self._room.set()
        return chunk

    async def put(self, chunk: bytes) -> None:
        """Add an event when there is room for it; dropped when the stream is over."""
        await self._room.wait()
        if self.gone.is_set():
            return
        self._waiting.append(chunk)
        self._bytes += len(chunk)
        if self._bytes >= _WAITING_BYTES_MAX:
            self._room.clear()
        self.wake()

    def close(self) -> None:
        """The stream is over."""
        self.gone.set()
        self._room.set()
        self._waiting.clear()


class PostAnswer:
    """The ASGI response to one message, turned into events of the stream."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._streams = False
        self._body = b""

    async def receive(self) -> MutableMapping[str, Any]:
        """The client goes away when its stream does."""
        await self._outbound.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Events pass as they are; a whole JSON answer becomes one."""
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message["headers"] if name == b"content-type"]
            self._streams = kinds == [b"text/event-stream"]
            return
        chunk = message.get("body", b"")
        if self._streams:
            if chunk and chunk != KEEP_ALIVE:
                await self._outbound.put(chunk)
            return
        self._body += chunk
        if not message.get("more_body", False) and self._body:
            await self.say(self._body)

    async def say(self, answer: bytes) -> None:
        """One JSON-RPC response; one to nothing in particular would only confuse."""
        if _ids.decode(answer).id is not None:
            await self._outbound.put(event(answer))
