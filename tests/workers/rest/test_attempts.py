"""Requests that are sent again, and those that are not."""

import asyncio
import uuid
from collections.abc import Sequence
from email.utils import formatdate
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.errors import UpstreamBadResponse, UpstreamTimeout, UpstreamUnreachable
from tests.mesh import free_port
from tests.upstreams.recorder import Answers, Recorder, Reply, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2
from workers.backends.rest.attempts.idempotency_key import idempotency_key
from workers.backends.rest.attempts.tries import backoff_s
from workers.backends.rest.dadl.failures import RetryStrategy

RETRIES = "retry_on: [429, 503], terminal: [404], retry_strategy: {max_retries: 2, initial_delay: 10ms}"


def file_with(errors: str = RETRIES, method: str = "GET", more: str = "") -> str:
    """A file with the one tool `act`."""
    tool = f"{{method: {method}, path: /act, access: read, description: Act, errors: {{{errors}}}{more}}}"
    return f"{V2}backend:\n  name: wx\n  type: rest\n  description: W\n  tools:\n    act: {tool}\n"


def answering(*replies: Reply | bytes) -> Answers:
    """One after the other; the last one for ever."""
    left = list(replies)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def act(directory: Path, answers: Answers, dadl: str, **how: Any) -> tuple[Any, Recorder]:
    """The result of one call, or the error that it raised, and what the API was asked."""
    found: list[Any] = []

    async def test() -> None:
        async with recording(answers) as upstream, opened(directory, dadl, upstream.url) as caller:
            try:
                found.append(msgspec.json.decode(await caller.call("act", **({"access": "read"} | how))))
            except Exception as error:
                found.append(error)
            found.append(upstream)
            found.append(caller.dispatched)

    run(test)
    assert found[2] == len(found[1].requests), "leave is asked for before each request"
    return found[0], found[1]


def text_of(result: Any) -> str:
    assert isinstance(result, dict), result
    return str(result["content"][0]["text"])


BUSY = json_reply({"why": "busy"}, 503)
DONE = json_reply({"done": True})


def test_a_listed_status_is_tried_again(tmp_path: Path) -> None:
    result, upstream = act(tmp_path, answering(BUSY, json_reply({}, 429), DONE), file_with())
    assert text_of(result) == '{"done":true}'
    assert len(upstream.requests) == 3


def test_what_fails_for_ever_is_tried_as_often_as_the_file_says(tmp_path: Path) -> None:
    result, upstream = act(tmp_path, answering(BUSY), file_with())
    assert text_of(result) == '[unavailable] HTTP 503: {"why":"busy"}'
    assert result["structuredContent"]["error"]["retryable"] is True
    assert len(upstream.requests) == 3


def test_no_file_has_a_request_sent_for_ever(tmp_path: Path) -> None:
    errors = "retry_on: [503], retry_strategy: {max_retries: 1000, backoff: fixed, initial_delay: 1ms}"
    text = file_with(errors)
    _, upstream = act(tmp_path, answering(BUSY), text)
    assert len(upstream.requests) == 11


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        (404, RETRIES),
        (500, RETRIES),
        (503, "retry_on: [503]"),
        (503, "retry_strategy: {max_retries: 2, initial_delay: 10ms}"),
        (503, "retry_on: [503], retry_strategy: {max_retries: 0}"),
    ],
)
def test_what_is_not_listed_is_not_tried_again(tmp_path: Path, status: int, errors: str) -> None:
    result, upstream = act(tmp_path, answering(json_reply({}, status)), file_with(errors))
    assert result["isError"]
    assert len(upstream.requests) == 1


def test_a_status_in_both_lists_is_not_tried_again(tmp_path: Path) -> None:
    text = file_with("retry_on: [503], terminal: [503], retry_strategy: {initial_delay: 1ms}").replace("v0.2", "v0.1")
    _, upstream = act(tmp_path, answering(BUSY), text)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("method", "access", "more", "requests"),
    [
        ("GET", "read", "", 3),
        ("HEAD", "read", "", 3),
        ("PUT", "idempotent", "", 3),
        ("DELETE", "idempotent", "", 3),
        ("POST", "read", "", 3),
        ("POST", "write", "", 1),
        ("PATCH", "write", "", 1),
        ("GET", "write", "", 1),
        ("PUT", "write", "", 1),
        ("POST", "write", ", retry_unsafe: true", 3),
        ("POST", "idempotent", ", idempotency: {header: Idempotency-Key}", 3),
    ],
)
def test_only_what_may_run_twice_is_tried_again(tmp_path: Path, method: str, access: str, more: str, requests: int) -> None:
    result, upstream = act(tmp_path, answering(BUSY), file_with(method=method, more=more), access=access)
    assert result["isError"]
    assert len(upstream.requests) == requests


@pytest.mark.parametrize(
    ("backoff", "waits"), [("exponential", [2, 4, 8, 16]), ("linear", [2, 4, 6, 8]), ("fixed", [2, 2, 2, 2])]
)
def test_pauses_grow_as_the_file_says(backoff: Any, waits: Sequence[float]) -> None:
    strategy = RetryStrategy(backoff=backoff, initial_delay=2.0)
    assert [backoff_s(strategy, retries) for retries in range(4)] == waits


@pytest.mark.parametrize(
    "asked",
    [
        "3600",
        "1000000000",
        "999999999999999",
        formatdate(4e9, usegmt=True),
        "Mon, 01 Jan 2091 00:00:00 GMT",
    ],
)
def test_who_wants_to_be_left_alone_for_longer_than_the_call_has_is_not_waited_for(tmp_path: Path, asked: str) -> None:
    result, upstream = act(tmp_path, answering(json_reply({}, 429, Retry_After=asked)), file_with())
    error = result["structuredContent"]["error"]
    assert (error["code"], error["retryable"]) == ("rate_limited", True)
    assert error["retry_after_s"] >= 3600
    assert text_of(result) == f"[rate_limited] HTTP 429: {{}} Try again in {error['retry_after_s']} s."
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("asked", ["0", "0.01", "", "-5", "soon", "1e9", "²", "NaN", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_what_says_now_or_nothing_is_tried_again_soon(tmp_path: Path, asked: str) -> None:
    result, upstream = act(tmp_path, answering(Reply(503, b"", {"Retry-After": asked}), DONE), file_with())
    assert text_of(result) == '{"done":true}'
    assert len(upstream.requests) == 2


def test_a_pause_that_does_not_fit_ends_the_call_at_once(tmp_path: Path) -> None:
    errors = "retry_on: [503], retry_strategy: {initial_delay: 1h}"
    result, upstream = act(tmp_path, answering(BUSY), file_with(errors))
    assert text_of(result) == '[unavailable] HTTP 503: {"why":"busy"}'
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_that_breaks_is_tried_once_more_without_being_asked_for(tmp_path: Path, method: str) -> None:
    result, upstream = act(tmp_path, answering(b"", DONE), file_with(errors="", method=method))
    assert text_of(result) == '{"done":true}'
    assert len(upstream.requests) == 2


def test_one_that_breaks_again_and_again_ends_the_call(tmp_path: Path) -> None:
    result, upstream = act(tmp_path, answering(b""), file_with())
    assert isinstance(result, UpstreamBadResponse)
    assert len(upstream.requests) == 4, "once for the connection, twice by the file"


CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"


def test_an_answer_that_is_cut_is_asked_for_again(tmp_path: Path) -> None:
    result, upstream = act(tmp_path, answering(CUT, DONE), file_with())
    assert text_of(result) == '{"done":true}'
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("broken", [b"", CUT], ids=["no answer", "cut"])
@pytest.mark.parametrize("more", ["", ", retry_unsafe: true"])
def test_a_write_that_may_have_happened_is_not_sent_again(tmp_path: Path, broken: bytes, more: str) -> None:
    dadl = file_with(method="POST", more=more)
    result, upstream = act(tmp_path, answering(broken, DONE), dadl, access="write")
    assert isinstance(result, UpstreamBadResponse)
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("access", ["read", "write"])
def test_an_upstream_that_refuses_connections_is_tried_again(tmp_path: Path, access: Any) -> None:
    """Nothing is sent to it, so that it may be a write."""
    port = free_port()

    async def test() -> None:
        errors = "retry_on: [503], retry_strategy: {max_retries: 10, backoff: fixed, initial_delay: 50ms}"
        async with opened(tmp_path, file_with(errors, "POST"), f"http://127.0.0.1:{port}") as caller:
            call = asyncio.create_task(caller.call("act", access=access))
            while caller.dispatched < 2:
                await asyncio.sleep(0.01)
            async with recording(answering(DONE), port=port) as upstream:
                assert b"done" in await call
                await caller.backend.close()
            assert len(upstream.requests) == 1
        async with opened(tmp_path, file_with(method="POST"), f"http://127.0.0.1:{port}") as caller:
            with pytest.raises(UpstreamUnreachable):
                await caller.call("act", access=access)
            assert caller.dispatched == 3

    run(test)


def test_what_broke_before_is_what_counts_where_the_api_is_gone_then(tmp_path: Path) -> None:
    """Nothing was sent the last time, but the first time something was."""

    async def test() -> None:
        async with recording() as upstream:

            def refuse_further(request: Any) -> bytes:
                upstream.stop_listening()
                return b""

            upstream.answers = refuse_further
            async with opened(tmp_path, file_with(), upstream.url) as caller:
                with pytest.raises(UpstreamBadResponse):
                    await caller.call("act", access="read")
            assert len(upstream.requests) == 1

    run(test)


def test_silence_in_the_middle_of_an_answer_is_tried_again_by_a_read(tmp_path: Path) -> None:
    async def fall_silent(writer: asyncio.StreamWriter) -> None:
        writer.write(CUT)
        await writer.drain()
        await asyncio.Event().wait()

    async def test() -> None:
        left: list[Any] = [fall_silent, DONE]
        async with recording(lambda request: left.pop(0)) as upstream:
            async with opened(tmp_path, file_with(), upstream.url, settings={"upstream_idle_s": 0.1}) as caller:
                assert await caller.text("act", access="read") == '{"done":true}'
            left[:] = [fall_silent]
            async with opened(
                tmp_path, file_with(method="POST"), upstream.url, settings={"upstream_idle_s": 0.1}
            ) as caller:
                with pytest.raises(UpstreamTimeout):
                    await caller.call("act", access="write")

    run(test)


def keys_of(upstream: Recorder) -> list[str | None]:
    return [request.header("Idempotency-Key") for request in upstream.requests]


KEYED = ", idempotency: {header: Idempotency-Key}"


def test_the_idempotency_key_is_the_same_for_all_attempts(tmp_path: Path) -> None:
    dadl = file_with(method="POST", more=KEYED)
    _, upstream = act(tmp_path, answering(b"", BUSY, DONE), dadl, access="idempotent")
    assert keys_of(upstream) == [idempotency_key("test", 0)] * 3


def test_a_tool_without_idempotency_sends_no_key(tmp_path: Path) -> None:
    _, upstream = act(tmp_path, answering(DONE), file_with())
    assert keys_of(upstream) == [None]


def test_idempotency_keys_look_like_uuids_and_differ_by_call_and_request() -> None:
    keys = {idempotency_key(call, ordinal) for call in ("a", "b") for ordinal in (0, 1)}
    assert len(keys) == 4
    assert all(uuid.UUID(key).version == 4 and uuid.UUID(key).variant == uuid.RFC_4122 for key in keys)


def test_a_keyed_write_of_which_one_attempt_broke_is_not_told_to_have_failed(tmp_path: Path) -> None:
    dadl = file_with("", method="POST", more=KEYED)
    result, upstream = act(tmp_path, answering(b"", json_reply({}, 500)), dadl, access="idempotent")
    assert isinstance(result, UpstreamBadResponse)
    assert len(upstream.requests) == 2


def test_who_waits_to_send_again_holds_nobody_up(tmp_path: Path) -> None:
    """With one connection: the second call is answered while the first one waits."""

    async def test() -> None:
        errors = "retry_on: [503], retry_strategy: {initial_delay: 10s}"
        dadl = file_with(errors)
        one = {"connections": 1}
        async with (
            recording(answering(BUSY, DONE)) as upstream,
            opened(tmp_path, dadl, upstream.url, options=one) as caller,
        ):
            waits = asyncio.create_task(caller.call("act", access="read"))
            while not upstream.requests:
                await asyncio.sleep(0.01)
            assert await caller.text("act", access="read") == '{"done":true}'
            assert not waits.done()
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)

    run(test)
