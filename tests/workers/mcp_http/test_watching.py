"""Resources that are watched: exactly those are subscribed, again after anything broke, and nothing else is passed on."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from shared.settings import Settings
from tests.upstreams.invocations import Caller
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]

COUNTER, OTHER = "note://counter", "note://other"
KINDS = {"modern": (), "legacy": ("--era", "legacy"), "sse": ("--sse",)}
QUICK = Settings(upstream_changes_s=0.05)


async def until(met: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until that is so; the test as a whole is bounded."""
    for _ in range(200):
        if await met():
            return
        await asyncio.sleep(0.05)
    pytest.fail(what)


async def subscribed(caller: Caller) -> set[str]:
    """What the server of the 2025 era has subscriptions of."""
    return set(msgspec.json.decode(await caller.text("subscriptions")))


async def until_told(caller: Caller, uri: str) -> None:
    """Touch a resource until that is told: until the stream stands, it is not."""
    caller.updates.clear()

    async def touched() -> bool:
        await caller.text("touch", {"uri": uri})
        return uri in caller.updates

    await until(touched, f"{uri} was told of")


def test_only_what_is_watched_is_told_of(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url, settings=QUICK) as caller, calling(upstream.url, settings=QUICK) as nosy:
            await nosy.text("echo", {"message": "x"})
            await caller.text("echo", {"message": "x"})
            await caller.backend.watch(frozenset({COUNTER}))
            await until_told(caller, COUNTER)
            await caller.text("touch", {"uri": OTHER})
            await caller.backend.watch(frozenset({OTHER}))
            await until_told(caller, OTHER)
            caller.updates.clear()
            await caller.text("touch", {"uri": COUNTER})
            await until_told(caller, OTHER)
            assert set(caller.updates) == {OTHER}
            assert nosy.updates == []

    run(test)


@pytest.mark.parametrize("kind", ["legacy", "sse"])
def test_what_is_no_longer_watched_is_unsubscribed(own: Start, kind: str) -> None:
    upstream = own("everything", *KINDS[kind])

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.backend.watch(frozenset({COUNTER, OTHER, "note://absent"}))
            wanted = {COUNTER, OTHER, "note://absent"}
            for watched in (wanted, {OTHER}, set[str]()):
                await caller.backend.watch(frozenset(watched))

                async def agrees(expected: set[str] = watched) -> bool:
                    return await subscribed(caller) == expected

                await until(agrees, f"exactly {watched} are subscribed")

    run(test)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restarted_upstream_is_subscribed_again_and_counts_as_updated(own: Start, kind: str) -> None:
    upstream = own("everything", *KINDS[kind])

    async def test() -> None:
        async with calling(upstream.url, settings=QUICK) as caller:
            await caller.text("echo", {"message": "x"})
            await caller.backend.watch(frozenset({COUNTER}))
            await until_told(caller, COUNTER)
            await asyncio.to_thread(upstream.kill)
            caller.updates.clear()
            await asyncio.to_thread(upstream.start)
            await caller.text("echo", {"message": "x"})

            async def told() -> bool:
                return caller.updates == [COUNTER]

            await until(told, "it may have changed meanwhile")
            await until_told(caller, COUNTER)

    run(test)


def test_a_change_of_what_is_watched_misses_nothing(modern: Upstream) -> None:
    async def test() -> None:
        async with calling(modern.url, settings=Settings(upstream_changes_s=0.001)) as caller:
            await caller.text("echo", {"message": "x"})
            await caller.backend.watch(frozenset({COUNTER}))
            await until_told(caller, COUNTER)
            for number in range(10):
                await asyncio.sleep(0.02)
                caller.updates.clear()
                await caller.backend.watch(frozenset({COUNTER, f"note://{number}"}))
                await caller.text("touch", {"uri": COUNTER})

                async def told() -> bool:
                    return COUNTER in caller.updates

                await until(told, "the update between two streams")

    run(test)


def test_a_stream_that_ended_in_good_order_is_taken_up_where_it_ended(legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(legacy.url, settings=QUICK) as caller:
            await caller.text("echo", {"message": "x"})
            await caller.backend.watch(frozenset({COUNTER}))
            await until_told(caller, COUNTER)
            await asyncio.sleep(0.1)
            caller.changes.clear()
            caller.updates.clear()
            await caller.text("end_listening")
            await caller.text("touch", {"uri": COUNTER})

            async def told() -> bool:
                return caller.updates == [COUNTER]

            await until(told, "the update that came while nobody listened")
            assert not caller.changes.is_set()

    run(test)


@pytest.mark.parametrize("kind", ["evil_legacy", "evil_sse"])
def test_updates_of_what_nobody_watches_are_dropped_and_a_flood_is_thinned(
    request: pytest.FixtureRequest, kind: str
) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.call("odd_updates")
            assert caller.updates == []
            await caller.backend.watch(frozenset({"note://watched"}))
            await caller.call("odd_updates")
            assert caller.updates == ["note://watched/below"]

    run(test)


def test_an_upstream_that_refuses_to_watch_is_still_followed(own: Start) -> None:
    upstream = own("evil", "--picky")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.backend.watch(frozenset({COUNTER}))
            await caller.call("plain")
            await caller.changes.wait()

    run(test)
