"""APIs that lie, hang, bomb and flood: a typed error or an honest result, in time and in bounded memory."""

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from shared.errors import MeshError, UpstreamBadResponse, UpstreamTimeout, UpstreamTooLarge
from tests.source_tree import ROOT
from tests.upstreams.recorder import Reply, recording
from tests.upstreams.started import run
from tests.workers.egress.floods import FLOODS
from tests.workers.rest.floods import MANY, OTHER_CALLS
from tests.workers.rest.opened import opened
from tests.workers.rest.test_results import tool

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Writes = Callable[[asyncio.StreamWriter], Awaitable[None]]


def dripping(every_s: float) -> Writes:
    """A byte each time, without end."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"Content-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(every_s)

    return write


ERRORS: dict[str, tuple[bytes | Reply | Writes, type[MeshError]]] = {
    "silence in mid-answer": (dripping(60), UpstreamTimeout),
    "a byte now and then": (dripping(0.05), UpstreamTimeout),
    "cut": (HEAD + b"Content-Length: 100\r\n\r\n{}", UpstreamBadResponse),
    "cut chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}", UpstreamBadResponse),
    "no http": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", UpstreamBadResponse),
    "nothing": (b"", UpstreamBadResponse),
    "two lengths": (HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", UpstreamBadResponse),
    "bomb": (Reply(200, gzip.compress(bytes(32 * 1024 * 1024)), {"Content-Encoding": "gzip"}), UpstreamTooLarge),
    "bombs within": (
        Reply(200, gzip.compress(gzip.compress(bytes(1024))), {"Content-Encoding": "gzip, gzip"}),
        UpstreamBadResponse,
    ),
    "not compressed as it says": (Reply(200, b"{}", {"Content-Encoding": "gzip"}), UpstreamBadResponse),
    "compressed as nobody asked": (Reply(200, b"{}", {"Content-Encoding": "br"}), UpstreamBadResponse),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_is_no_whole_answer_is_a_typed_error(tmp_path: Path, case: str) -> None:
    answer, expected = ERRORS[case]

    async def test() -> None:
        limits = {"upstream_idle_s": 0.3}
        async with (
            recording(lambda request: answer) as upstream,
            opened(tmp_path, tool("{}"), upstream.url, settings=limits, options={"timeout": "2s"}) as caller,
        ):
            with pytest.raises(expected) as raised:
                await caller.call("get_rows", access="read")
            assert raised.value.code == expected.code

    run(test)


DIGITS = b"1" * 6_000
RESULTS: dict[str, tuple[bytes, str, str, str]] = {
    # body, Content-Type, response, what the text begins with
    "a number of 6,000 digits": (b'{"a":' + DIGITS + b"}", "application/json", "{result_path: $.a}", DIGITS.decode()),
    "a number beyond all": (b'{"a":1e999999999}', "application/json", "{result_path: $.a}", "1e999999999"),
    "such a number in jq": (b'{"a":1e999999999}', "application/json", "{transform: .a}", "1E+999999999"),
    "such a number beside what is redacted": (b'{"a":1e999,"b":1}', "application/json", "{redact: [$.b]}", '{"a":1e999,'),
    "a name twice": (b'{"a":1,"a":2}', "application/json", "{result_path: $.a}", "2"),
    "deep, and no step": (b"[" * 100_000 + b"]" * 100_000, "application/json", "{}", "[[[["),
    "ascii that is said to be utf-16": (b'{"a": 1}', "application/json; charset=utf-16", "{}", "\u227b"),
    "html that is said to be json": (b"<html>", "application/json", "{}", "<html>"),
    "zeros": (bytes(100), "text/plain", "{}", "\0"),
    "all bytes": (bytes(range(256)), "text/html", "{}", "\0\x01"),
}


@pytest.mark.parametrize("case", RESULTS)
def test_what_is_odd_is_given_as_it_is(tmp_path: Path, case: str) -> None:
    body, content_type, response, begins = RESULTS[case]

    async def test() -> None:
        answer = Reply(200, body, {"Content-Type": content_type})
        async with (
            recording(lambda request: answer) as upstream,
            opened(tmp_path, tool(response), upstream.url) as caller,
        ):
            result = msgspec.json.decode(await caller.call("get_rows", access="read"))
            assert result["content"][0]["text"].startswith(begins)
            assert not result.get("isError")

    run(test)


LOOKING = ("{max_items: 3}", "{redact: ['$[*].a', $.a]}", "{result_path: '$[*].a'}", "{metadata_path: $.a.b, max_items: 3}")


@pytest.mark.parametrize("response", LOOKING)
@pytest.mark.parametrize("many", MANY)
def test_an_answer_of_many_small_values_is_not_taken_apart(tmp_path: Path, many: str, response: str) -> None:
    async def test() -> None:
        async with (
            recording(lambda request: Reply(200, MANY[many])) as upstream,
            opened(tmp_path, tool(response), upstream.url) as caller,
        ):
            result = msgspec.json.decode(await caller.call("get_rows", access="read"))
            if many == "many_members" and "max_items" in response:
                assert not result.get("isError"), "there is no list to cut"
            else:
                assert result["isError"] is True
                assert len(str(result)) < 2_000

    run(test)


ENDS = {"many_in_a_failure": ["internal"], "many_in_health": ["a_result"]}


def test_floods_are_left_and_cost_little_memory() -> None:
    command = [sys.executable, "-m", "tests.workers.rest.floods"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=True)
    names = FLOODS.keys() | MANY.keys() | OTHER_CALLS.keys()
    rows = {words[0]: words[1:] for line in done.stdout.splitlines() if (words := line.split())[0] in names}
    assert rows.keys() == names, done.stdout
    for name, (code, mib) in rows.items():
        expected = ENDS.get(name, ["redact_failed"] if name in MANY else ["upstream_too_large", "upstream_bad_response"])
        assert code in expected, name
        assert float(mib) < 50, f"{name} cost {mib} MiB"
