"""Answers that come bit by bit (DADL 0.2, `streaming`): their events are collected until the end, or until a limit.

`text/event-stream` (WHATWG HTML, section 9.2.6) has an event for each block of lines; of everything else each line is
one, as NDJSON has it, unless the whole is one JSON value.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

import msgspec

from workers.backends.rest.dadl.response import Response
from workers.backends.rest.response.text import media_type_of, wide_encoding
from workers.egress.body import Body, BrokenBody

_MARGIN_S = 1.0
"""So long before the call's time is over the stream is left, so that what came can still be given."""
_DONE = b"[DONE]"
"""How some APIs end their streams; it is no event."""
_encode = msgspec.json.Encoder().encode
_raw = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(frozen=True, slots=True)
class Streaming:
    """How a tool's stream is read."""

    handling: Literal["collect", "skip"]
    max_s: float | None
    """Seconds; None: as long as the call has."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of a stream: a JSON array of its events, or the one JSON value that it was."""

    body: bytes
    note: str = ""
    """Why it is not all; empty where it is."""


def streaming_of(response: Response) -> Streaming | None:
    """None for a tool whose answers come at once."""
    return Streaming(response.stream_handling, response.max_duration) if response.streaming else None


async def collect(body: Body, *, content_type: str, bytes_max: int, max_s: float | None, until: float | None) -> Collected:
    """Read a stream. `content_type`: the header; `until`: loop time at which the call's time is over.

    Raises UpstreamTooLarge for one that is compressed too well, UpstreamBadResponse for one that is compressed badly.
    """
    now = asyncio.get_running_loop().time()
    ends = (max_s, None if until is None else max(until - _MARGIN_S - now, 0.0))
    within_s = min((end for end in ends if end is not None), default=None)
    pieces: list[bytes] = []
    size, note = 0, ""
    try:
        async with asyncio.timeout(within_s):
            while piece := await body.next():
                pieces.append(piece)
                size += len(piece)
                if size > bytes_max:
                    note = f"The stream was left after {bytes_max} bytes; there may be more."
                    break
    except TimeoutError:
        note = f"The stream was left after {within_s:g} s; there may be more."
    except BrokenBody:
        note = "The stream broke off; there may be more."
    came = b"".join(pieces)[:bytes_max]
    if wide := wide_encoding(came, content_type):
        came = came.decode(wide, "replace").removeprefix("\ufeff").encode("utf-8", "replace")
    return _collected(came, note, events=media_type_of(content_type) == "text/event-stream")


def _collected(came: bytes, note: str, *, events: bool) -> Collected:
    if not events and not note and _is_json(came):
        return Collected(came)
    lines = came.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if note:
        lines.pop()  # it may be half of one
    found = _data_of(lines, whole=not note) if events else [line for line in lines if line.strip()]
    return Collected(b"[" + b",".join(_value(each) for each in found if each.strip() != _DONE) + b"]", note)


def _data_of(lines: list[bytes], *, whole: bool) -> list[bytes]:
    """The data of each event. One that no empty line ends counts where nothing is to come after it."""
    found: list[bytes] = []
    data: list[bytes] = []
    for line in [*lines, b""] if whole else lines:
        if not line:
            found += [b"\n".join(data)] if data else []
            data = []
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
    return found


def _value(data: bytes) -> bytes:
    """JSON as it is, everything else as a text."""
    return data if _is_json(data) else _encode(data.decode("utf-8", "replace"))


def _is_json(data: bytes) -> bool:
    try:
        data.decode()
        _raw(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
