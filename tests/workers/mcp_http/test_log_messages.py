"""Log messages of upstreams: each client gets the levels that it asked for, whoever shares its session."""

from typing import Literal

import msgspec
import pytest

from shared.messages import Client
from tests.upstreams.invocations import Caller
from tests.upstreams.started import Upstream, calling, run

Era = Literal["modern", "legacy"]
EVERY = ["debug", "info", "notice", "warning", "error"]


async def logged(caller: Caller, level: str, era: Era = "legacy", owner: str = "") -> list[str]:
    """Levels of what one call says in the log."""
    caller.notices.clear()
    await caller.call("log_all", client=Client(era=era, log_level=level), owner=owner)
    assert all(method == "notifications/message" for method, _ in caller.notices)
    return [params["level"] for _, params in caller.notices]


def test_a_client_gets_its_level_and_what_is_more_severe(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert await logged(caller, "warning", owner="me") == ["warning", "error"]
            assert await logged(caller, "debug", owner="me") == EVERY
            assert await logged(caller, "error", owner="me") == ["error"]

    run(test)


def test_who_asked_for_none_gets_what_its_era_says(modern: Upstream, legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(legacy.url) as caller:
            assert await logged(caller, "") == EVERY
            assert await logged(caller, "", era="modern") == []
            assert await logged(caller, "unknown") == []
        async with calling(modern.url) as caller:
            assert await logged(caller, "") == []

    run(test)


@pytest.mark.parametrize("kind", ["legacy", "sse"])
def test_a_level_is_set_once_and_only_to_be_more_verbose(request: pytest.FixtureRequest, kind: str) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        async with calling(upstream.url) as caller:
            before = msgspec.json.decode(await caller.text("levels"))
            for level in ("warning", "error", "warning", "", "info", "warning"):
                await logged(caller, level)
            after = msgspec.json.decode(await caller.text("levels"))
            assert after[len(before) :] == ["warning", "info"]

    run(test)


def test_on_a_shared_stream_nobody_gets_what_may_be_anothers(sse: Upstream) -> None:
    async def test() -> None:
        async with calling(sse.url) as caller:
            assert await logged(caller, "debug") == []

    run(test)
