"""What APIs send without end, to a whole REST backend: prints `name code MiB` a line, with the memory that it cost.

python -m tests.workers.rest.floods
"""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.errors import MeshError
from tests.upstreams.recorder import Writes, recording
from tests.workers.egress.floods import FLOODS, peak_mib
from tests.workers.egress.peer import HEAD
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2

FILE = (
    V2
    + """requires: {features: [redact]}
backend:
  name: wx
  type: rest
  description: Weather
  tools:
    get_rows: {method: GET, path: /rows, access: read, description: Rows, response: {redact: ['$[*].a', $.a]}}
    get_well: {method: GET, path: /well, access: read, description: Well, errors: {format: json, message_path: $.message}}
  health: {path: /health, expect_path: $.message, auth_expires_path: $.until}
"""
)
MANY = {
    "many_items": b"[" + b"[]," * 3_000_000 + b"[]]",
    "many_members": b'{"a":1' + b',"a":1' * 1_500_000 + b"}",
}
"""Each small value of these would become an object of Python's."""
FAILURE = b"HTTP/1.1 500 Failed\r\n"
OTHER_CALLS = {
    "many_in_a_failure": ("get_well", FAILURE, b'{"message":"why","x":' + MANY["many_items"] + b"}"),
    "many_in_health": ("health", HEAD, b'{"message":"why","until":' + MANY["many_items"] + b"}"),
}
"""By name: the tool, and what is answered."""


def saying(pieces: Iterator[bytes]) -> Writes:
    async def write(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return write


async def called(directory: Path, pieces: Iterator[bytes], tool: str = "get_rows") -> str:
    """The code of the call's end."""
    async with (
        recording(lambda request: saying(pieces)) as upstream,
        opened(directory, FILE, upstream.url) as caller,
    ):
        try:
            result = msgspec.json.decode(await caller.call(tool, access="read"))
        except MeshError as error:
            return error.code
        return str(result["structuredContent"]["error"]["code"] if result.get("isError") else "a_result")


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        await called(Path(name), iter([b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}']))  # all is loaded now
        whole = {name: iter([HEAD + b"Content-Length: %d\r\n\r\n" % len(body), body]) for name, body in MANY.items()}
        for flood, pieces in {**FLOODS, **whole}.items():
            before = peak_mib()
            async with asyncio.timeout(20):
                code = await called(Path(name), pieces)
            print(flood, code, f"{peak_mib() - before:.1f}", flush=True)
        for flood, (tool, head, body) in OTHER_CALLS.items():
            before = peak_mib()
            pieces = iter([head + b"Content-Length: %d\r\n\r\n" % len(body), body])
            print(flood, await called(Path(name), pieces, tool), f"{peak_mib() - before:.1f}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
