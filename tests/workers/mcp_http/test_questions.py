"""What upstreams of the 2025 and 2024 eras ask the client: relayed where the operator says so, to the right one only."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from shared.errors import UpstreamError, UpstreamTimeout, UpstreamTooLarge
from shared.settings import Settings
from tests.mesh import wait_until
from tests.upstreams.evil_beside import ASKED_ENDLESSLY
from tests.upstreams.invocations import Caller, invocation
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]

ALL = ["elicitation", "sampling", "roots"]


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What a willing client says."""
    answers: dict[str, Any] = {
        "elicitation/create": {"action": "accept", "content": {"name": "Ada"}},
        "sampling/createMessage": {
            "role": "assistant",
            "model": "m",
            "content": {"type": "text", "text": f"heard {params.get('messages')}"[:5]},
        },
        "roots/list": {"roots": [{"uri": "file:///home"}]},
    }
    return {"result": answers[method]}


@pytest.fixture(params=["legacy", "sse"])
def asking(request: pytest.FixtureRequest) -> Upstream:
    """The SDK's server in each era in which servers ask."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Upstream)
    return found


def test_an_owners_upstream_asks_the_client_and_gets_its_answer(asking: Upstream) -> None:
    async def test() -> None:
        async with calling(asking.url, relay=ALL, affinity="principal") as caller:
            caller.answer = answer
            assert await caller.text("ask_name", owner="me") == "accept {'name': 'Ada'}"
            assert await caller.text("ask_model", {"prompt": "hi"}, owner="me") == "heard"
            assert await caller.text("ask_roots", owner="me") == '["file:///home"]'
            assert [method for method, _ in caller.asked] == [
                "elicitation/create",
                "sampling/createMessage",
                "roots/list",
            ]
            assert caller.asked[0][1]["requestedSchema"]["required"] == ["name"]

    run(test)


def test_on_the_stream_of_its_own_request_anyones_upstream_may_ask(legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(legacy.url, relay=ALL, affinity="principal") as caller:
            caller.answer = answer
            answers = await asyncio.gather(*(caller.text("ask_name") for _ in range(5)))
            assert answers == ["accept {'name': 'Ada'}"] * 5

    run(test)


@pytest.mark.parametrize("affinity", ["none", "session"])
def test_over_http_and_sse_a_server_is_told_of_a_client_only_where_sessions_have_owners(
    sse: Upstream, affinity: str
) -> None:
    async def test() -> None:
        async with calling(sse.url, relay=["roots"], affinity=affinity) as caller:
            declared = msgspec.json.decode(await caller.text("client"))["capabilities"]
            assert declared == ({} if affinity == "none" else {"roots": {}})

    run(test)


def test_a_clients_refusal_reaches_the_upstream(asking: Upstream) -> None:
    async def test() -> None:
        async with calling(asking.url, relay=ALL, affinity="principal") as caller:
            caller.answer = lambda method, params: {"result": {"action": "decline"}}
            assert await caller.text("ask_name", owner="me") == "decline None"
            caller.answer = lambda method, params: {"error": {"code": -1, "message": "no client today"}}
            with pytest.raises(UpstreamError) as raised:
                await caller.call("ask_roots", owner="me")
            assert (raised.value.data or {})["error"]["message"] == "no client today"

    run(test)


@pytest.mark.parametrize("relay", [[], ["sampling"]])
def test_what_the_operator_does_not_relay_is_not_asked(asking: Upstream, relay: list[str]) -> None:
    async def test() -> None:
        async with calling(asking.url, relay=relay, affinity="principal") as caller:
            caller.answer = answer
            with pytest.raises(UpstreamError):
                await caller.call("ask_name", owner="me")
            assert caller.asked == []

    run(test)


def test_beside_the_requests_only_an_owners_only_call_can_be_meant(asking: Upstream) -> None:
    async def test() -> None:
        async with calling(asking.url, relay=ALL, affinity="principal") as caller:
            caller.answer = answer
            assert await caller.text("ask_beside", owner="me") == "accept {'name': 'Ada'}"
            with pytest.raises(UpstreamError):
                await caller.call("ask_beside")
            busy = asyncio.create_task(caller.text("sleep", {"ms": 1_000}, owner="me"))
            before = caller.dispatched
            await asyncio.to_thread(wait_until, lambda: caller.dispatched > before, "the other call is on its way")
            with pytest.raises(UpstreamError):
                await caller.call("ask_beside", owner="me")
            assert await caller.text("ask_beside", owner="you") == "accept {'name': 'Ada'}"
            assert await busy == "slept"
            assert len(caller.asked) == 2

    run(test)


def test_a_call_ends_in_time_though_its_client_still_thinks(asking: Upstream) -> None:
    given_up: list[str] = []

    async def think(method: str, params: bytes) -> bytes:
        try:
            await asyncio.sleep(3600)
        finally:
            given_up.append(method)
        return b"{}"

    async def test() -> None:
        async with calling(asking.url, relay=ALL, affinity="principal") as caller:
            await caller.text("echo", {"message": "connect first"}, owner="me")
            deadline = asyncio.get_running_loop().time() + 0.7
            with pytest.raises(UpstreamTimeout):
                await caller.backend.call(invocation("ask_name", ask=think, owner="me", deadline=deadline))
            assert given_up == ["elicitation/create"]
            assert await caller.text("echo", {"message": "after"}, owner="me") == "after"

    run(test)


def test_a_question_waits_for_nobody_once_the_answer_is_there(evil_legacy: Upstream, evil_sse: Upstream) -> None:
    given_up: list[str] = []

    async def think(method: str, params: bytes) -> bytes:
        try:
            await asyncio.sleep(3600)
        finally:
            given_up.append(method)
        return b"{}"

    async def test() -> None:
        for upstream in (evil_legacy, evil_sse):
            async with calling(upstream.url, relay=ALL, affinity="principal") as caller:
                deadline = asyncio.get_running_loop().time() + 20
                await caller.backend.call(invocation("hasty_answer", ask=think, owner="me", deadline=deadline))
        assert given_up == ["elicitation/create"] * 2

    run(test)


@pytest.mark.parametrize("kind", ["evil_legacy", "evil_sse"])
def test_questions_without_end_are_bounded(request: pytest.FixtureRequest, kind: str) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        async with calling(
            upstream.url, relay=ALL, affinity="principal", settings=Settings(upstream_requests_max=4)
        ) as caller:
            caller.answer = answer
            await caller.call("endless_ask", owner="me")
            assert 1 <= len(caller.asked) <= 4 < ASKED_ENDLESSLY
            assert len(await heard(caller)) <= 4

    run(test)


@pytest.mark.parametrize("kind", ["evil_legacy", "evil_sse"])
def test_a_question_after_the_answer_is_asked_nobody(request: pytest.FixtureRequest, kind: str) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        async with calling(upstream.url, relay=ALL, affinity="principal") as caller:
            caller.answer = answer
            await caller.call("late_ask", owner="me")
            await asyncio.sleep(0.3)
            assert caller.asked == []
            assert not [h for h in await heard(caller) if "result" in h]

    run(test)


@pytest.mark.parametrize("kind", ["evil_legacy", "evil_sse"])
def test_requests_that_no_client_can_be_asked_are_refused(request: pytest.FixtureRequest, kind: str) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        async with calling(upstream.url, relay=["elicitation"], affinity="principal") as caller:
            caller.answer = answer
            await caller.call("odd_requests", owner="me")
            assert caller.asked == []

    run(test)


def test_a_giant_notification_is_refused(evil_legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(evil_legacy.url) as caller:
            with pytest.raises(UpstreamTooLarge):
                await caller.call("giant_notice")
            assert caller.notices == []

    run(test)


async def heard(caller: Caller) -> list[dict[str, Any]]:
    """What the upstream was told beside the requests since it began to ask."""
    said = msgspec.json.decode(await caller.text("heard", owner="me"))
    return [message for message in said if "method" not in message]
