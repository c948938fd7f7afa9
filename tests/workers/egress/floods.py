"""What upstreams send without end, each read once: prints `name code MiB` a line, with the memory that it cost.

python -m tests.workers.egress.floods
"""

import asyncio
import gzip
import resource
import sys
import zlib
from collections.abc import Iterator

from shared.errors import MeshError
from shared.settings import Settings
from tests.workers.egress.peer import HEAD, egress, get, serving
from workers.egress.body import Body

MIB = 1024 * 1024
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n"


def endless(first: bytes, again: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield again


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def members() -> Iterator[bytes]:
    """A gigabyte of zeros in members of a megabyte."""
    yield CHUNKED + b"Content-Encoding: gzip\r\n\r\n"
    member = gzip.compress(bytes(MIB))
    for _ in range(1024):
        yield chunk(member)


def bomb(coding: str, head: bytes) -> Iterator[bytes]:
    """A gigabyte of zeros in a megabyte: blocks of deflate, of which none needs the one before."""
    squeeze = zlib.compressobj(wbits=-15)
    block = squeeze.compress(bytes(MIB)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    yield CHUNKED + f"Content-Encoding: {coding}\r\n\r\n".encode() + chunk(head)
    for _ in range(1024):
        yield chunk(block)


FLOODS = {
    "a_gigabyte_announced": endless(HEAD + b"Content-Length: 1073741824\r\n\r\n", bytes(MIB)),
    "a_gigabyte_chunked": endless(CHUNKED + b"\r\n", chunk(bytes(MIB))),
    "until_the_end": endless(HEAD + b"\r\n", bytes(MIB)),
    "small_chunks": endless(CHUNKED + b"\r\n", chunk(b"x" * 16) * 1_000),
    "gzip_bomb": bomb("gzip", gzip.compress(b"")[:10]),
    "deflate_bomb": bomb("deflate", b"\x78\x9c"),
    "gzip_members": members(),
    "a_header_of_100_mib": endless(HEAD + b"X: ", b"y" * MIB),
    "a_million_headers": endless(HEAD, b"X: y\r\n" * 50_000),
    "interim_answers": endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4_000),
    "trailers": endless(CHUNKED + b"\r\n0\r\n", b"X: y\r\n" * 50_000),
}


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)


async def read(settings: Settings, pieces: Iterator[bytes]) -> str:
    async def say(request: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    async with serving(say) as peer, egress(settings=settings) as opened:
        try:
            response = await opened.send(get(peer.url()))
            try:
                body = Body(response, settings, bytes_max=settings.upstream_answer_bytes_max, idle_s=5)
                return f"{len(await body.read())}_bytes"
            finally:
                response.close()
        except MeshError as error:
            return error.code


async def main() -> None:
    settings = Settings()
    for name, pieces in FLOODS.items():
        before = peak_mib()
        async with asyncio.timeout(20):
            code = await read(settings, pieces)
        print(name, code, f"{peak_mib() - before:.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
