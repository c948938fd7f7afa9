"""The frames between worker and child: what is sent arrives, and nothing else is taken for a message."""

import asyncio
import os
import socket
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.workers.children.payloads import run
from workers.children import frames
from workers.children.frames import FrameError

LIMIT = 1 << 20
json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
    max_leaves=10,
)


def received(data: bytes, limit: int = LIMIT) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await frames.receive(reader, limit)

    return run(read)


@given(some.dictionaries(some.text(), json_values))
def test_what_is_packed_arrives_as_it_was(message: dict[str, Any]) -> None:
    assert received(frames.pack(message, LIMIT)) == message


def test_half_a_surrogate_pair_arrives_as_a_question_mark() -> None:
    assert received(frames.pack({"a": "x\ud800y\U0001f600"}, LIMIT)) == {"a": "x?y\U0001f600"}


@pytest.mark.parametrize("message", [{"a": float("nan")}, {"a": {1}}, {"a": b""}], ids=["nan", "set", "bytes"])
def test_what_is_no_json_is_not_sent(message: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        frames.pack(message, LIMIT)


def test_the_limit_is_held_on_both_sides() -> None:
    frame = frames.pack({"a": "é" * 8}, 24)
    assert len(frame) == 4 + 24
    with pytest.raises(FrameError, match="24 bytes; 23 is the limit"):
        frames.pack({"a": "é" * 8}, 23)
    with pytest.raises(FrameError, match="24 bytes; 23 is the limit"):
        received(frame, 23)


@pytest.mark.parametrize("size", [0, 3, 4, 10])
def test_a_line_that_ends_in_mid_frame_is_an_end(size: int) -> None:
    with pytest.raises(EOFError):
        received(frames.pack({"a": 1}, LIMIT)[:size])


def test_a_child_reads_and_writes_frames_of_any_size_over_its_line() -> None:
    ours, theirs = socket.socketpair()
    message = {"a": "x" * (LIMIT - 8)}
    with ours, theirs:
        writing = threading.Thread(target=frames.write, args=(ours.fileno(), frames.pack(message, LIMIT)))
        writing.start()
        assert frames.read(theirs.fileno(), LIMIT) == message
        writing.join(10)
        os.write(ours.fileno(), b"\xff\xff\xff\xff")
        with pytest.raises(FrameError):
            frames.read(theirs.fileno(), LIMIT)
        ours.close()
        with pytest.raises(EOFError):
            frames.read(theirs.fileno(), LIMIT)
