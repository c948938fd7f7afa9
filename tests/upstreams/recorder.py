"""An HTTP upstream on a real port of the test's own event loop, which keeps every request byte for byte.

It answers what the test says: a `Reply`, raw bytes (which may be no HTTP at all), or a coroutine that writes them itself,
in its own time.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

_HEAD_BYTES_MAX = 256 * 1024


@dataclass(frozen=True)
class Recorded:
    """One request. `raw` is what came over the wire, body included, chunks as they were."""

    raw: bytes
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    at: float
    """Loop time."""

    @property
    def path(self) -> str:
        """As it was sent, still encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        """Decoded, in order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """The one value of a header; None where it was not sent. Fails where it came twice."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Reply:
    """A well-behaved answer. `headers` may replace those that it has anyway."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """As it is sent."""
        headers = {"Content-Type": "application/json", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """JSON; `_` in the names of headers stands for `-`."""
    return Reply(status, msgspec.json.encode(value), {name.replace("_", "-"): said for name, said in headers.items()})


Writes = Callable[[asyncio.StreamWriter], Awaitable[None]]
Answers = Callable[[Recorded], Reply | bytes | Writes]


class Recorder:
    """Mutable: `requests` grows; `answers` is what the test wants it to be."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.requests: list[Recorded] = []
        self.connections = 0
        self.answers: Answers = lambda request: Reply()
        self.stop_listening: Callable[[], None] = lambda: None
        """Refuse further connections."""

    @property
    def last(self) -> Recorded:
        """The newest request."""
        return self.requests[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as long as its client likes."""
        self.connections += 1
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                answer = self.answers(request)
                if isinstance(answer, Reply):
                    writer.write(
                        answer.raw if request.method != "HEAD" else answer.raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                    )
                elif isinstance(answer, bytes):
                    writer.write(answer)
                    break
                else:
                    await answer(writer)
                    break
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # its client is gone
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Recorded | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    said = {name.lower(): value for name, value in headers}
    raw = head
    if "chunked" in said.get("transfer-encoding", ""):
        chunks, body = await _read_chunks(reader)
        raw += chunks
    else:
        body = await reader.readexactly(int(said.get("content-length", "0")))
        raw += body
    return Recorded(raw, method, target, headers, body, asyncio.get_running_loop().time())


async def _read_chunks(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    raw = body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        data = await reader.readexactly(size + 2)
        raw += line + data
        body += data[:-2]
        if size == 0:
            return raw, body


@asynccontextmanager
async def recording(
    answers: Answers | None = None, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Recorder]:
    """A recorder that listens, on that port or a free one; let go at the end."""
    holder: list[Recorder] = []
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not as a coroutine: asyncio would tell of each that is cancelled at the end.
        task = asyncio.get_running_loop().create_task(holder[0].serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", port, limit=_HEAD_BYTES_MAX, ssl=tls)
    recorder = Recorder(server.sockets[0].getsockname()[1], "https" if tls else "http")
    recorder.stop_listening = server.close
    holder.append(recorder)
    if answers is not None:
        recorder.answers = answers
    try:
        yield recorder
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
