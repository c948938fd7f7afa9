"""Answers that come bit by bit: their events are collected, until the end or until a limit, which is told."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.upstreams.recorder import Reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.test_results import tool

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
SSE = HEAD + b"Content-Type: text/event-stream\r\n\r\n"
LINES = HEAD + b"Content-Type: application/x-ndjson; charset=latin-1\r\n\r\n"
Writes = Callable[[asyncio.StreamWriter], Awaitable[None]]


def streamed(directory: Path, response: str, answer: bytes | Reply | Writes, **how: Any) -> dict[str, Any]:
    """The result of one call."""
    found: list[dict[str, Any]] = []

    async def test() -> None:
        async with (
            recording(lambda request: answer) as upstream,
            opened(directory, tool(response), upstream.url, **how) as caller,
        ):
            found.append(msgspec.json.decode(await caller.call("get_rows", access="read")))

    run(test)
    return found[0]


def values(result: dict[str, Any]) -> Any:
    return msgspec.json.decode(result["content"][0]["text"])


def says(*pieces: bytes, then_waits: bool = False) -> Writes:
    async def write(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while then_waits and not writer.is_closing():
            await asyncio.sleep(0.02)
            writer.write(b": still here\n")
            await writer.drain()

    return write


STREAMS: dict[str, tuple[bytes, Any]] = {
    "events": (SSE + b'data: {"a": 1}\n\nevent: delta\ndata: two\n\n: ping\n\ndata: [DONE]\n\n', [{"a": 1}, "two"]),
    "lines of one event": (SSE + b"data: [1,\r\ndata: 2]\r\n\r\nid: 7\r\ndata:x\r\ndata: y\r\n\r\n", [[1, 2], "x\ny"]),
    "an event without its end": (SSE + b"data: 1\n\ndata: 2", [1, 2]),
    "no event": (SSE + b": nothing\n\n", []),
    "ndjson": (LINES + b'{"a":1}\n\n{"a":2}\r\nplain\xff\n', [{"a": 1}, {"a": 2}, "plain\ufffd"]),
    "utf-16": (
        LINES.replace(b"latin-1", b"utf-16") + '{"a":"\u00fc"}\nplain\n'.encode("utf-16"),
        [{"a": "\u00fc"}, "plain"],
    ),
    "one value": (LINES + b'{\n  "a": 1\n}\n', {"a": 1}),
    "nothing": (LINES, []),
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_is_collected(tmp_path: Path, case: str) -> None:
    answer, expected = STREAMS[case]
    result = streamed(tmp_path, "{streaming: true}", answer)
    assert values(result) == expected
    assert len(result["content"]) == 1


def test_the_steps_are_applied_to_what_was_collected(tmp_path: Path) -> None:
    response = "{streaming: true, result_path: '$[*].a', transform: add, redact: [$.x]}"
    assert values(streamed(tmp_path, response, STREAMS["ndjson"][0][:-7])) == 3


def test_a_stream_that_goes_on_is_left_after_its_time(tmp_path: Path) -> None:
    answer = says(SSE, b"data: 1\n\ndata: 2\n\ndata: half", then_waits=True)
    result = streamed(tmp_path, "{streaming: true, max_duration: 300ms}", answer)
    assert values(result) == [1, 2]
    assert result["content"][1]["text"] == "The stream was left after 0.3 s; there may be more."
    by_entry = streamed(tmp_path, "{streaming: true}", answer, options={"streaming_timeout": "200ms"})
    assert "after 0.2 s" in by_entry["content"][1]["text"]
    by_call = streamed(tmp_path, "{streaming: true}", answer, options={"timeout": "1300ms"})
    assert values(by_call) == [1, 2]
    assert "there may be more" in by_call["content"][1]["text"]


def test_a_stream_that_is_too_large_is_left_with_what_came(tmp_path: Path) -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(SSE)
        while not writer.is_closing():
            writer.write(b'data: "0123456789"\n\n' * 100)
            await writer.drain()

    result = streamed(tmp_path, "{streaming: true}", flood, settings={"upstream_answer_bytes_max": 10_000})
    assert 400 < len(values(result)) <= 500
    assert set(values(result)) == {"0123456789"}
    assert "after 10000 bytes" in result["content"][1]["text"]


def test_a_stream_that_breaks_off_gives_what_came(tmp_path: Path) -> None:
    answer = HEAD + b"Content-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: 1\n\ndata: 2"
    result = streamed(tmp_path, "{streaming: true}", answer)
    assert values(result) == [1]
    assert "broke off" in result["content"][1]["text"]


def test_a_stream_that_is_to_be_skipped_is_not_read(tmp_path: Path) -> None:
    result = streamed(tmp_path, "{streaming: true, stream_handling: skip, redact: [$.a]}", says(SSE, then_waits=True))
    assert values(result) == {"status": 200}


def test_a_failure_is_read_as_a_whole(tmp_path: Path) -> None:
    result = streamed(tmp_path, "{streaming: true, stream_handling: skip}", Reply(404, b"no such stream"))
    assert result["isError"] is True
    assert "no such stream" in str(result)
