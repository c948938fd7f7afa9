"""What is heard beside answers, message by message."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from shared.log_levels import NONE
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.message import decode_message


class Told:
    """The other side of a hearing."""

    def __init__(self) -> None:
        self.replies: list[Any] = []
        self.notices: list[str] = []
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()

    async def reply(self, body: bytes) -> None:
        self.replies.append(msgspec.json.decode(body))

    async def ask(self, method: str, params: bytes) -> bytes:
        self.asked.append(method)
        await self.may_answer.wait()
        return b' {"result":{"n":1.50}} '

    def notify(self, method: str, params: bytes) -> None:
        self.notices.append(method)

    def hearing(self, **how: Any) -> Hearing:
        plain: dict[str, Any] = {
            "changed": lambda: None,
            "requests_max": 16,
            "reply": self.reply,
            "notify": self.notify,
            "ask": self.ask,
            "progress_per_s_max": 100,
        }
        return Hearing(**(plain | how))


async def hear(hearing: Hearing, **message: Any) -> None:
    """Have it hear one message."""
    await hearing(await decode_message(msgspec.json.encode({"jsonrpc": "2.0", **message}), 64))


def bounded(test: Callable[[], Awaitable[None]]) -> None:
    """Run it, in bounded time."""

    async def timed() -> None:
        async with asyncio.timeout(10):
            await test()

    asyncio.run(timed())


def test_a_question_is_asked_before_what_comes_next_is_relayed() -> None:
    async def test() -> None:
        told = Told()
        order: list[str] = []

        async def ask(method: str, params: bytes) -> bytes:
            order.append(method)
            return b'{"result":{}}'

        hearing = told.hearing(ask=ask, notify=lambda method, params: order.append(method))
        await hear(hearing, id=1, method="elicitation/create", params={})
        await hear(hearing, method="notifications/message", params={"level": "info"})
        assert order == ["elicitation/create", "notifications/message"]
        await hearing.close()

    bounded(test)


def test_an_answer_goes_back_as_it_came() -> None:
    async def test() -> None:
        told = Told()
        hearing = told.hearing()
        told.may_answer.set()
        await hear(hearing, id="q", method="elicitation/create")
        while not told.replies:
            await asyncio.sleep(0)
        assert told.replies == [{"jsonrpc": "2.0", "id": "q", "result": {"n": 1.5}}]
        await hearing.close()

    bounded(test)


@pytest.mark.parametrize("how", ["cancelled by the server", "the stream is over"])
def test_a_question_that_nobody_waits_for_any_more_is_given_up(how: str) -> None:
    async def test() -> None:
        told = Told()
        hearing = told.hearing()
        await hear(hearing, id=1, method="sampling/createMessage")
        assert told.asked == ["sampling/createMessage"]
        if how == "the stream is over":
            await hearing.close()
        else:
            await hear(hearing, method="notifications/cancelled", params={"requestId": 1})
            await asyncio.sleep(0)
        told.may_answer.set()
        await asyncio.sleep(0)
        await hear(hearing, id=2, method="ping")
        assert [r["id"] for r in told.replies] == ([] if how == "the stream is over" else [2])
        await hearing.close()

    bounded(test)


def test_an_id_that_waits_already_and_too_many_at_once_are_refused() -> None:
    async def test() -> None:
        told = Told()
        hearing = told.hearing()
        for number in (1, 1, *range(2, 10)):
            await hear(hearing, id=number, method="roots/list")
        assert len(told.asked) == 8
        assert [r["id"] for r in told.replies] == [1, 9]
        assert all(r["error"]["code"] == -32601 for r in told.replies)
        await hearing.close()

    bounded(test)


def test_beyond_the_limit_nothing_is_answered() -> None:
    async def test() -> None:
        told = Told()
        hearing = told.hearing(requests_max=2)
        for number in range(5):
            await hear(hearing, id=number, method="ping")
        assert [r["id"] for r in told.replies] == [0, 1]
        assert hearing.dropped == 3

    bounded(test)


def test_notifications_that_concern_the_client_are_relayed() -> None:
    async def test() -> None:
        told = Told()
        for hearing in (told.hearing(least_severe=NONE), told.hearing(ask=None)):
            await hear(hearing, method="notifications/elicitation/complete", params={"elicitationId": "e"})
            await hear(hearing, method="notifications/message", params={"level": "emergency"})
            await hear(hearing, method="notifications/made/up")
        assert told.notices == ["notifications/elicitation/complete", "notifications/message"]

    bounded(test)
