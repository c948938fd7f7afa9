"""A fast REST upstream: `python -m bench.rest_upstream PORT`.

`GET /rows/…` is answered at once; `/flood` with as many bytes as `?bytes=` says, without their number being announced.
"""

import asyncio
from urllib.parse import parse_qs, urlsplit

from bench.raw_server import serve_for_ever

_ROW = b'{"id":"r-17","name":"A row","tags":["one","two"],"size":1234.5,"open":true}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_ROW), _ROW)
_FLOOD_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
_PIECE = b"x" * 65_536


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode("latin-1")
            if target.startswith("/flood"):
                await _flood(writer, int(parse_qs(urlsplit(target).query)["bytes"][0]))
                return
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def _flood(writer: asyncio.StreamWriter, count: int) -> None:
    writer.write(_FLOOD_HEAD)
    for _ in range(count // len(_PIECE)):
        writer.write(_PIECE)
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(serve_for_ever(_serve))
