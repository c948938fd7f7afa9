"""A real server on loopback that says exactly what a test wants, and names that lead where a test wants."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import yarl

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.egress.egress import Egress
from workers.egress.lookups import Lookup, addresses_of
from workers.egress.outgoing import Outgoing

HEAD = b"HTTP/1.1 200 OK\r\n"


@dataclass(slots=True)
class Peer:
    """A listening server and what it was sent."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Heads and bodies."""

    def url(self, host: str = "127.0.0.1", path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


Say = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""`(request, writer)`: answers one request."""


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Say:
    """Says this each time."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    answer = ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


@asynccontextmanager
async def serving(
    say: Say, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Peer]:
    """A server; at the end all its connections are closed."""
    peer = Peer(0)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                peer.requests.append(head + body)
                await say(head + body, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, host, port, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Names:
    """A look-up over a table. Of several answers for one name each is given once, the last one from then on."""

    def __init__(self, **table: Sequence[Sequence[str] | Exception]) -> None:
        self._table = {name.replace("_", "."): list(answers) for name, answers in table.items()}
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        with self._lock:
            self.asked.append(host)
            answers = self._table[host.rstrip(".").lower()]
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def egress(lookup: Lookup = addresses_of, settings: Settings | None = None, **entry: Any) -> AsyncIterator[Egress]:
    """An opened one; `entry`: members of its entry in backends.yaml."""
    described = msgspec.convert({"name": "up", "transport": "http", "url": "http://up.example/", **entry}, BackendEntry)
    opened = Egress(described, settings or Settings(), {"Accept-Encoding": "identity"}, lookup)
    opened.open()
    try:
        yield opened
    finally:
        await opened.close()


def get(url: str, method: str = "GET", **more: Any) -> Outgoing:
    """A request."""
    return Outgoing(method=method, url=yarl.URL(url), **more)


def stranger(url: str, **more: Any) -> Outgoing:
    """A request to a URL out of an argument or answer."""
    return get(url, strange=True, **more)
