"""Sessions of owners (`affinity`): apart from each other, bounded, and renewed with a word about it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import UpstreamUnreachable
from shared.settings import Settings
from tests.mesh import wait_until
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]

KINDS = {"legacy": ("--era", "legacy"), "sse": ("--sse",)}


@pytest.mark.parametrize("kind", KINDS)
def test_each_owner_has_its_own_state(request: pytest.FixtureRequest, kind: str) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        async with calling(upstream.url) as caller:
            for owner in ("ada", "alan"):
                await caller.text("remember", {"text": f"of {owner}"}, owner=owner)
            await asyncio.gather(*(caller.text("echo", {"message": "x"}, owner="ada") for _ in range(40)))
            assert await caller.text("recall", owner="ada") == "of ada"
            assert await caller.text("recall", owner="alan") == "of alan"
            assert await caller.text("recall", owner="grace") == "nothing"
            assert await caller.text("recall") == "nothing"
            assert caller.renewals == 0

    run(test)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restarted_upstream_is_told_of_and_the_call_runs_once(own: Start, tmp_path: Path, kind: str) -> None:
    upstream = own("everything", *KINDS[kind])
    path = tmp_path / "lines"

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.text("remember", {"text": "x"}, owner="me")
            await asyncio.to_thread(upstream.kill)
            await asyncio.to_thread(upstream.start)
            assert await caller.text("write_line", {"path": str(path), "text": "once"}, owner="me") == "written"
            assert caller.renewals == 1
            assert await caller.text("recall", owner="me") == "nothing"
            assert await caller.text("recall", owner="new") == "nothing"
            assert caller.renewals == 1
        assert path.read_text() == "once\n"

    run(test)


def test_an_idle_owners_session_is_ended_and_its_return_is_told(legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(legacy.url, settings=Settings(upstream_owner_idle_s=0.3)) as caller:
            await caller.text("remember", {"text": "x"}, owner="me")
            await caller.text("sleep", {"ms": 600}, owner="me")
            assert await caller.text("recall", owner="me") == "x"
            await asyncio.sleep(0.6)
            assert await caller.text("recall", owner="me") == "nothing"
            assert caller.renewals == 1

    run(test)


def test_beyond_the_limit_the_longest_idle_owner_makes_room(legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(legacy.url, settings=Settings(upstream_owners_max=2)) as caller:
            for owner in ("a", "b", "c"):
                await caller.text("remember", {"text": owner}, owner=owner)
            assert await caller.text("recall", owner="b") == "b"
            assert await caller.text("recall", owner="c") == "c"
            assert await caller.text("recall", owner="a") == "nothing"
            assert caller.renewals == 1

    run(test)


def test_where_all_owners_are_busy_a_further_one_is_turned_away(legacy: Upstream) -> None:
    async def test() -> None:
        settings = Settings(upstream_owners_max=1, upstream_reconnect_s=0.1)
        async with calling(legacy.url, settings=settings) as caller:
            await caller.text("echo", {"message": "x"}, owner="a")
            before = caller.dispatched
            busy = asyncio.create_task(caller.text("sleep", {"ms": 800}, owner="a"))
            await asyncio.to_thread(wait_until, lambda: caller.dispatched > before, "the call is on its way")
            with pytest.raises(UpstreamUnreachable, match="upstream_owners_max"):
                await caller.text("echo", {"message": "x"}, owner="b")
            assert await busy == "slept"

    run(test)


def test_the_modern_era_has_no_sessions_to_own(modern: Upstream) -> None:
    async def test() -> None:
        async with calling(modern.url, settings=Settings(upstream_owners_max=1)) as caller:
            calls = (caller.text("sleep", {"ms": 50}, owner=str(n)) for n in range(5))
            assert await asyncio.gather(*calls) == ["slept"] * 5
            assert caller.renewals == 0

    run(test)


def test_an_owner_gets_a_session_of_its_own_where_the_modern_era_went_away(own: Start) -> None:
    upstream = own("everything")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.text("echo", {"message": "x"}, owner="a")
            await asyncio.to_thread(upstream.kill)
            upstream.options = KINDS["legacy"]
            await asyncio.to_thread(upstream.start)
            await caller.text("remember", {"text": "a"}, owner="a")
            assert await caller.text("recall", owner="a") == "a"
            assert await caller.text("recall", owner="b") == "nothing"
            assert await caller.text("recall") == "nothing"

    run(test)
