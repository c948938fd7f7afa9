"""The operator's notes on backends, by a real broker: who gets them, and that nobody gets one twice."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from edge.hints import Hints, hint_block, with_hint
from shared.configuration import BackendEntry
from shared.identity import Principal
from shared.line import RedisLine
from tests.contract.hop import open_line
from tests.mesh import Broker

DONE = b'{"content":[{"type":"text","text":"x"}]}'
ADA, BEA = Principal(subject="ada"), Principal(subject="bea")


def hints(line: RedisLine, hint: str, ttl_s: float = 60) -> Hints:
    entries = [BackendEntry(name="shop", transport="echo", hint=hint), BackendEntry(name="plain", transport="echo")]
    return Hints({entry.name: entry for entry in entries}, line, ttl_s=ttl_s)


def run(broker: Broker, test: Callable[[RedisLine], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            await test(line)

    asyncio.run(main())


def test_each_user_gets_it_once_at_whichever_edge_and_with_whichever_key(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        one, other = hints(line, "Once."), hints(line, "Once.")
        assert await one.due(ADA, "shop", DONE) == "Once."
        assert await other.due(ADA, "shop", DONE) == ""
        assert await one.due(Principal(subject="ada", caller_id="phone"), "shop", DONE) == ""
        assert await other.due(BEA, "shop", DONE) == "Once."
        assert await one.due(ADA, "plain", DONE) == ""
        assert await one.due(ADA, "elsewhere", DONE) == ""

    run(broker, test)


def test_one_that_was_changed_or_is_forgotten_is_given_anew(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        assert await hints(line, "Before.").due(ADA, "shop", DONE) == "Before."
        assert await hints(line, "After.").due(ADA, "shop", DONE) == "After."
        assert await hints(line, "Short.", ttl_s=0.001).due(ADA, "shop", DONE) == "Short."
        async with asyncio.timeout(10):
            while await hints(line, "Short.").due(ADA, "shop", DONE) != "Short.":
                await asyncio.sleep(0.01)

    run(broker, test)


@pytest.mark.parametrize(
    "body",
    [
        b'{"isError":true,"content":[]}',
        b'{"resultType":"input_required","requestState":"x"}',
        b'{"content":"text"}',
        b"[]",
        b"no JSON",
        b"\xff",
    ],
)
def test_what_is_no_success_leaves_it_for_the_next_call(broker: Broker, body: bytes) -> None:
    async def test(line: RedisLine) -> None:
        shop = hints(line, f"After {body!r}.")
        assert await shop.due(ADA, "shop", body) == ""
        assert await shop.due(ADA, "shop", DONE) != ""

    run(broker, test)


def test_a_broker_that_is_away_leaves_it_for_the_next_call(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        away = RedisLine("redis://127.0.0.1:1/0", pending_max=10, timeout_s=0.2)
        assert await hints(away, "Later.").due(ADA, "shop", DONE) == ""
        assert await hints(line, "Later.").due(ADA, "shop", DONE) == "Later."

    run(broker, test)


def test_it_stands_before_the_result_which_stays_as_it_is() -> None:
    result = with_hint(
        b'{"content":[{"type":"text","text":"x"}],"structuredContent":{"n":1.0},"_meta":{}}', hint_block("b", "H.")
    )
    assert result == (
        b'{"content":[{"type":"text","text":"Note on b from its operator: H.","_meta":{"toolmesh/hint":"b"}},'
        b'{"type":"text","text":"x"}],"structuredContent":{"n":1.0},"_meta":{}}'
    )
    assert len(hint_block("b", "H" * 5_000, 100)["text"]) == 100
