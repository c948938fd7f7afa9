"""The frames between a worker and its child: 4 bytes of length (big-endian), then one JSON object in UTF-8.

Both sides use this file, so it imports nothing of ours. A string with half a surrogate pair, which JavaScript has and UTF-8
does not, crosses with `?` in its place.
"""

import json
import os
from typing import Any, NoReturn, Protocol

HEADER_BYTES = 4
_PIECE_BYTES = 256 * 1024
"""A buffer for all that is asked for would be made anew for each piece that comes."""


class FrameError(ValueError):
    """A frame that is too large or not what it must be; the text says which."""


class Reader(Protocol):
    """An `asyncio.StreamReader`, which a child does without."""

    async def readexactly(self, n: int, /) -> bytes:
        """So many bytes; raises IncompleteReadError, an EOFError, where the other side closed before."""
        ...


def pack(message: dict[str, Any], bytes_max: int) -> bytes:
    """A frame. Raises FrameError where the message is larger than `bytes_max` or is no JSON."""
    try:
        body = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
    except (TypeError, ValueError, RecursionError) as cause:
        raise FrameError(f"not JSON: {cause}") from cause
    if len(body) > bytes_max:
        raise FrameError(f"a frame of {len(body)} bytes; {bytes_max} is the limit")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def size_of(header: bytes, bytes_max: int) -> int:
    """How many bytes follow a header. Raises FrameError where that is more than `bytes_max`."""
    size = int.from_bytes(header, "big")
    if size > bytes_max:
        raise FrameError(f"a frame of {size} bytes; {bytes_max} is the limit")
    return size


def unpack(body: bytes) -> dict[str, Any]:
    """The message of a frame. Raises FrameError where it is no JSON object."""
    try:
        message = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as cause:
        raise FrameError(f"not JSON: {cause}") from cause
    if not isinstance(message, dict):
        raise FrameError("not a JSON object")
    return message


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


async def receive(reader: Reader, bytes_max: int) -> dict[str, Any]:
    """The next message, in the worker. Raises EOFError at the end of the connection, FrameError as above."""
    size = size_of(await reader.readexactly(HEADER_BYTES), bytes_max)
    return unpack(await reader.readexactly(size))


def read(descriptor: int, bytes_max: int) -> dict[str, Any]:
    """The next message, in the child; blocks. Raises EOFError at the end of the connection, FrameError as above."""
    size = size_of(_read_exactly(descriptor, HEADER_BYTES), bytes_max)
    return unpack(_read_exactly(descriptor, size))


def _read_exactly(descriptor: int, size: int) -> bytes:
    pieces = []
    while size:
        piece = os.read(descriptor, min(size, _PIECE_BYTES))
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def write(descriptor: int, frame: bytes) -> None:
    """All of a frame, in the child; blocks. Raises OSError where nobody listens any more."""
    left = memoryview(frame)
    while left:
        left = left[os.write(descriptor, left) :]
