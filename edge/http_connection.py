"""One HTTP connection: uvicorn's, with a limit on the time of a request's head, a Retry-After when there are too many, and
an end that turns no request away which is on its way.

RFC 9112 section 9.5 leaves time-outs to the server, section 9.6 says how it ends a connection; RFC 9110 section 10.2.3
names Retry-After. Bodies have their own limit (`edge/endpoint.py`).
"""

import asyncio
import select
from contextvars import ContextVar
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_OVERLOADED = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32013,"message":"This edge has as many connections as it may have. '
    b'Try again shortly.","data":{"code":"too_many","retryable":true}}}'
)


_LINGER_S = 0.5
"""How long an idle connection is kept when the edge drains: a proxy that does not know it yet may just send a request."""
_GONE = select.POLLHUP | select.POLLERR | select.POLLNVAL | getattr(select, "POLLRDHUP", 0)
_carrying: ContextVar[asyncio.Transport | None] = ContextVar("carrying", default=None)
"""The connection that the request came over which a task serves."""


def client_is_gone() -> bool:
    """Whether the client behind this task's request has closed its connection, whether or not that was read yet.

    Asked of the system (poll(2), where it has POLLRDHUP): a process that was stopped has the request and the end behind it
    in its hands at once, and the event loop gives out the request first. False for what serves no request.
    """
    transport = _carrying.get()
    if transport is None:
        return False
    socket = transport.get_extra_info("socket")
    if transport.is_closing() or socket is None or socket.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(socket.fileno(), _GONE)
    return any(events & _GONE for _, events in poll.poll(0))


class HttpConnection(HttpToolsProtocol):
    """Closes a connection whose request does not come to the end of its head in time, sent or not."""

    head_read_s = 15.0
    connections_max = 2048
    draining = False
    """Of all connections of the process: each ends with its next answer."""
    _head_timer: asyncio.TimerHandle | None = None
    _reads_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: it is expected to ask something."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._head_is_here()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a request on a connection that was kept."""
        self._reads_head = True
        if self._head_timer is None:
            self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._reads_head = False
        self._head_is_here()
        _carrying.set(self.transport)  # whatever is started to serve this request carries it
        usual = self.app
        if len(self.connections) > self.connections_max:
            self.app = _overloaded
        super().on_headers_complete()
        self.app = usual
        if self.draining:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """The edge drains: end with the next answer, or soon if nothing comes."""
        if self._is_idle():
            self.loop.call_later(_LINGER_S, self._leave)
        else:
            super().shutdown()

    def _leave(self) -> None:
        if self._is_idle() and not self._reads_head and not self._has_something_to_read():
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _has_something_to_read(self) -> bool:
        """Whether a request is here that the event loop did not give out yet: closing now would answer it with a reset."""
        socket = self.transport.get_extra_info("socket")
        if self.transport.is_closing() or socket is None or socket.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_read_s, self._give_up)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self._is_idle():
            self.transport.close()


async def _overloaded(scope: Any, receive: Any, send: Any) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_OVERLOADED)).encode()),
        (b"retry-after", b"2"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _OVERLOADED})


def limited(head_read_s: float, connections_max: int) -> type[HttpConnection]:
    """The protocol class with these limits; uvicorn makes one object of it per connection."""
    limits = {"head_read_s": head_read_s, "connections_max": connections_max}
    return type("HttpConnection", (HttpConnection,), limits)
