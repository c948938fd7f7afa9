"""The requests of one server, each until its answer: many at a time over one pipe, told apart by their ids."""

import asyncio
from dataclasses import dataclass, field
from itertools import count

from shared.errors import UpstreamBadResponse, UpstreamUnreachable
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.message import Message, result_of
from workers.backends.mcp_stdio.outlet import Outlet


class ServerEnded(UpstreamBadResponse):
    """The server ended before it answered: whether the request was acted on is not known."""


@dataclass(slots=True, eq=False)
class Pending:
    """A request that waits for its answer; `hearing`: who listens to what is said meanwhile, of a client's call."""

    answer: asyncio.Future[Message]
    hearing: Hearing | None = None


@dataclass(slots=True, eq=False)
class Conversation:
    """All that is asked of one server, from its start to its end."""

    backend: str
    outlet: Outlet
    modern: bool = False
    """The era, known after the handshake."""
    server: bytes = b""
    """What the server said of itself in its handshake (`Offer.server`)."""
    capabilities: dict[str, object] = field(default_factory=dict)
    pending: dict[int, Pending] = field(default_factory=dict)
    calls: dict[int, Pending] = field(default_factory=dict)
    """Those of `pending` that are calls of clients."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""
    """Why it ended."""
    heard: int = 0
    """Messages that came from the server."""
    log_level: str = ""
    """The least severe log level that was asked for so far (2025 era)."""
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def next_id(self) -> int:
        """An id that no other request of this server has."""
        return next(self._ids)

    async def ask(self, method: str, params: bytes = b"") -> bytes:
        """A request of our own; gives the raw `result`. Raises as `send`."""
        await self.outlet.writable()
        return result_of(await self.send(wire.request(self.next_id(), method, modern=self.modern, params=params)))

    async def send(self, request: wire.Request, hearing: Hearing | None = None) -> Message:
        """Write a request at once and wait for its answer; given up, the server is told.

        Raises UpstreamUnreachable where it was not written, ServerEnded where the server ended before it answered.
        """
        pending = Pending(asyncio.get_running_loop().create_future(), hearing)
        if self.ended.is_set() or not self.outlet.write(request.body):
            raise UpstreamUnreachable(f"The server of backend {self.backend!r} is not running; nothing was sent.")
        self.pending[request.id] = pending
        if hearing is not None:
            self.calls[request.id] = pending
        try:
            return await pending.answer
        except asyncio.CancelledError:
            self.tell(wire.notification("notifications/cancelled", b'"requestId":%d' % request.id))
            raise
        finally:
            del self.pending[request.id]
            if hearing is not None:
                del self.calls[request.id]
                await hearing.close()

    def tell(self, body: bytes) -> bool:
        """Write what has no answer, unless the server does not read."""
        return not self.ended.is_set() and not self.outlet.full and self.outlet.write(body)

    async def reply(self, body: bytes) -> None:
        """Answer a request of the server, unless it does not read."""
        self.tell(body)

    def answered(self, message: Message) -> bool:
        """Give an answer to who waits for it; False where nobody does."""
        key = message.id
        if key is None and len(self.pending) == 1:
            key = next(iter(self.pending))  # an error about a request that the server could not even read
        pending = self.pending.get(key) if isinstance(key, int) else None
        if pending is None or pending.answer.done():
            return False
        pending.answer.set_result(message)
        return True

    def end(self, reason: str) -> None:
        """The server is gone, or is to go: nothing is sent any more, and nobody waits any longer."""
        if self.ended.is_set():
            return
        self.reason = reason
        self.ended.set()
        for pending in self.pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(
                    ServerEnded(f"The server of backend {self.backend!r} ended in mid-call: {reason}.")
                )
