"""An upstream that behaves as badly as it can: `python -m bench.evil_upstream PORT`. `GET /<mode>` for each of `MODES`."""

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable

from bench.raw_server import serve_for_ever

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_PIECE = b"x" * 65_536
_BOMB_BYTES = 200 * 1024 * 1024
_HEADERS = 100_000
_INTERIMS = 10_000

Write = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def _forever(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Connection: close\r\n\r\n")
    while True:
        writer.write(_PIECE)
        await writer.drain()


async def _announced(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Length: 1073741824\r\n\r\n" + _PIECE)
    await asyncio.sleep(60)


async def _trickle(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Connection: close\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(1)


async def _silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def _reset(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _interim(writer: asyncio.StreamWriter) -> None:
    for _ in range(_INTERIMS):
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


async def _headers(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK)
    for number in range(_HEADERS):
        writer.write(b"X-%d: y\r\n" % number)
        await writer.drain()


def _said(answer: bytes) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return write


def _bomb() -> bytes:
    packed = gzip.compress(b"\0" * _BOMB_BYTES, 1)
    return _OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


MODES: dict[str, tuple[Write, str]] = {
    "forever": (_forever, "upstream_too_large"),
    "announced": (_announced, "upstream_too_large"),
    "trickle": (_trickle, "upstream_timeout"),
    "silent": (_silent, "upstream_timeout"),
    "reset": (_reset, "upstream_bad_response"),
    "short": (_said(_OK + b"Content-Length: 100\r\n\r\n{"), "upstream_bad_response"),
    "cut": (_said(b""), "upstream_bad_response"),
    "not_http": (_said(b"\x16\x03\x01 what?\r\n\r\n"), "upstream_bad_response"),
    "not_gzip": (_said(_OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"), "upstream_bad_response"),
    "bomb": (_said(_bomb()), "upstream_too_large"),
    "interim": (_interim, "upstream_bad_response"),
    "headers": (_headers, "upstream_bad_response"),
    "failing": (_said(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"), "[internal] HTTP 500"),
    "deep": (_said(_OK + b"Content-Length: 200000\r\n\r\n" + b"[" * 100_000 + b"]" * 100_000), "[" * 1_000),
    "nothing": (_said(b"HTTP/1.1 204 No Content\r\n\r\n"), '"result"'),
    "not_json": (_said(_OK + b'Content-Length: 5\r\n\r\n{"a":'), '"result"'),
}
"""Name → what it does, and a text that must be in the mesh's answer."""


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode("latin-1")
        await MODES[target.strip("/")][0](writer)
        await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve_for_ever(_serve))
