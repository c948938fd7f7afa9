"""An API that takes no more requests for now is left alone by all workers of its backend."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared import rest_keys
from tests.mesh import Broker
from tests.upstreams.recorder import Answers, Recorded, Recorder, Reply, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.test_attempts import answering, file_with, text_of

LIMIT = "rate_limit: {header: X-Left, retry_after_header: X-Wait}"
KEY = rest_keys.rate_limit("default", "wx")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    running = Broker(tmp_path_factory.mktemp("broker"))
    try:
        yield running
    finally:
        running.process.kill()


@pytest.fixture(autouse=True)
def _empty(broker: Broker) -> None:
    with broker.client() as client:
        client.flushall()


def life_ms(broker: Broker) -> int:
    """For how long the API is left alone: -2 where it is not."""
    with broker.client() as client:
        return int(client.pttl(KEY))


def acted(
    directory: Path, broker: Broker, answers: Answers, dadl: str, calls: int = 1, **how: Any
) -> tuple[list[Any], Recorder]:
    """The results of calls, one after the other, each by a worker of its own."""
    results: list[Any] = []
    upstreams: list[Recorder] = []

    async def test() -> None:
        async with recording(answers) as upstream:
            upstreams.append(upstream)
            for _ in range(calls):
                async with opened(directory, dadl, upstream.url, redis_url=broker.url, **how) as caller:
                    results.append(msgspec.json.decode(await caller.call("act", access="read")))

    run(test)
    return results, upstreams[0]


def _filled(value: str) -> str:
    """A header's value, in which a time is written as `now + 80 s`, or `ms`: Unix time in that unit."""
    words = value.split()
    if words[0] != "now":
        return value
    return str((int(time.time()) + int(words[2])) * (1000 if words[3] == "ms" else 1))


@pytest.mark.parametrize(
    ("headers", "longest_s"),
    [
        ({"X-Left": "0", "X-Wait": "77"}, 77),
        ({"X-Left": "0", "Retry-After": "78"}, 78),
        ({"X-Left": "-1", "X-RateLimit-Reset": "now + 79 s"}, 79),
        ({"X-Left": "0", "X-Wait": "now + 80 s"}, 80),
        ({"X-Left": "0", "X-Wait": "now + 81 ms"}, 81),
        ({"X-Left": "0", "X-Wait": "soon", "X-RateLimit-Reset": "82"}, 82),
        ({"X-Left": "0", "X-Wait": "1000000"}, 600),
        ({"X-Left": "0", "Retry-After": "999999999999999"}, 600),
        ({"X-Left": "0"}, 108),
    ],
)
def test_no_request_left_holds_back_the_next_call_of_another_worker(
    tmp_path: Path, broker: Broker, headers: dict[str, str], longest_s: int
) -> None:
    reply = Reply(200, b"{}", {name: _filled(value) for name, value in headers.items()})
    dadl = file_with(f"retry_strategy: {{initial_delay: 108s}}, {LIMIT}")
    (first,), upstream = acted(tmp_path, broker, lambda request: reply, dadl)
    assert text_of(first) == "{}"
    assert 0 < life_ms(broker) <= longest_s * 1000
    with broker.client() as client:
        client.pexpire(KEY, 3_600_000)
    (second,), upstream = acted(tmp_path, broker, lambda request: reply, file_with(LIMIT))
    error = second["structuredContent"]["error"]
    assert (error["code"], error["retryable"], "http_status" in error) == ("rate_limited", True, False)
    assert text_of(second).startswith(
        "[rate_limited] By its own word the API takes no more requests for now. Nothing was sent."
    )
    assert 0 < error["retry_after_s"] <= 3600
    assert upstream.requests == []


@pytest.mark.parametrize("headers", [{}, {"X-Left": "1"}, {"X-Left": "none"}, {"X-Left": "0", "X-Wait": "0"}])
def test_requests_that_are_left_hold_nobody_back(tmp_path: Path, broker: Broker, headers: dict[str, str]) -> None:
    results, _ = acted(tmp_path, broker, lambda request: Reply(200, b"{}", headers), file_with(LIMIT), calls=2)
    assert [text_of(result) for result in results] == ["{}", "{}"]
    assert life_ms(broker) == -2


@pytest.mark.parametrize(("errors", "held"), [(LIMIT, True), ("retry_on: [429]", False)])
def test_429_holds_back_where_the_file_tells_of_a_rate_limit(
    tmp_path: Path, broker: Broker, errors: str, held: bool
) -> None:
    (result,), _ = acted(tmp_path, broker, answering(json_reply({}, 429, Retry_After="120")), file_with(errors))
    assert text_of(result) == "[rate_limited] HTTP 429: {} Try again in 120 s."
    assert (0 < life_ms(broker) <= 120_000) is held


def test_the_word_that_reaches_furthest_counts(tmp_path: Path, broker: Broker) -> None:
    def answer(request: Recorded) -> Reply:
        with broker.client() as client:
            client.set(KEY, "1", px=200_000)  # by another worker, meanwhile
        return Reply(200, b"{}", {"X-Left": "0", "X-Wait": "50"})

    acted(tmp_path, broker, answer, file_with(LIMIT))
    assert life_ms(broker) > 60_000


def test_a_worker_without_a_broker_knows_what_it_was_told_itself(tmp_path: Path) -> None:
    async def test() -> None:
        reply = Reply(200, b"{}", {"X-Left": "0", "X-Wait": "50"})
        async with recording(answering(reply)) as upstream, opened(tmp_path, file_with(LIMIT), upstream.url) as caller:
            assert await caller.text("act", access="read") == "{}"
            assert b"rate_limited" in await caller.call("act", access="read")
            assert len(upstream.requests) == 1

    run(test)


def test_a_call_that_has_the_time_waits_until_requests_are_taken_again(tmp_path: Path, broker: Broker) -> None:
    with broker.client() as client:
        client.set(KEY, "1", px=400)
    there: list[bool] = []

    def answer(request: Recorded) -> Reply:
        there.append(life_ms(broker) != -2)
        return json_reply({"done": True})

    (result,), _ = acted(tmp_path, broker, answer, file_with(LIMIT))
    assert text_of(result) == '{"done":true}'
    assert there == [False]


def test_tools_that_tell_of_no_rate_limit_do_not_ask(tmp_path: Path, broker: Broker) -> None:
    with broker.client() as client:
        client.set(KEY, "1", px=3_600_000)
    (result,), _ = acted(tmp_path, broker, lambda request: json_reply({"done": True}), file_with("retry_on: [503]"))
    assert text_of(result) == '{"done":true}'


def test_a_broker_that_is_away_fails_no_call(tmp_path: Path) -> None:
    async def test() -> None:
        done = answering(json_reply({"done": True}))
        async with recording(done) as upstream, opened(tmp_path, file_with(LIMIT), upstream.url) as caller:
            assert await caller.text("act", access="read") == '{"done":true}'

    run(test)


def test_a_storm_of_429_is_one_wait_and_not_many_requests(tmp_path: Path, broker: Broker) -> None:
    """Ten calls at once against an API that always says to wait for long."""

    async def test() -> None:
        errors = f"retry_on: [429], retry_strategy: {{max_retries: 10, initial_delay: 1ms}}, {LIMIT}"
        async with recording(answering(json_reply({}, 429, Retry_After="300"))) as upstream:
            async with opened(tmp_path, file_with(errors), upstream.url, redis_url=broker.url) as caller:
                await caller.call("act", access="read")
                results = await asyncio.gather(*(caller.call("act", access="read") for _ in range(10)))
            assert all(b"rate_limited" in result for result in results)
            assert len(upstream.requests) == 1

    run(test)
