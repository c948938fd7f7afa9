"""Upstreams that restart, forget sessions, refuse, or break connections: what is sent again and what never is."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from shared.errors import UpstreamBadResponse, UpstreamDenied, UpstreamUnreachable
from shared.settings import Settings
from tests.mesh import free_port
from tests.upstreams.invocations import Caller
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]


@pytest.mark.parametrize("options", [(), ("--era", "legacy"), ("--era", "legacy", "--stateless")])
def test_the_first_write_after_a_killed_upstream_came_back_succeeds_and_happens_once(
    own: Start, tmp_path: Path, options: tuple[str, ...]
) -> None:
    upstream = own("everything", *options)
    path = tmp_path / "lines"

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.backend.list_all()
            await asyncio.gather(*(caller.text("sleep", {"ms": 100}) for _ in range(60)))  # several sessions
            await asyncio.to_thread(upstream.kill)
            await asyncio.to_thread(upstream.start)
            assert await caller.text("write_line", {"path": str(path), "text": "once"}) == "written"
        assert path.read_text() == "once\n"

    run(test)


def test_many_calls_that_lose_their_session_at_once_share_the_new_one(own: Start, tmp_path: Path) -> None:
    upstream = own("everything", "--era", "legacy")
    path = tmp_path / "lines"

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.text("echo", {"message": "x"})
            await asyncio.to_thread(upstream.kill)
            await asyncio.to_thread(upstream.start)
            calls = (caller.text("write_line", {"path": str(path), "text": str(n)}) for n in range(50))
            assert await asyncio.gather(*calls) == ["written"] * 50
        assert sorted(map(int, path.read_text().split())) == list(range(50))

    run(test)


def test_a_call_waits_for_an_upstream_that_is_just_starting(own: Start) -> None:
    upstream = own("evil")

    async def test() -> None:
        async with calling(upstream.url, settings=Settings(upstream_reconnect_s=15.0)) as caller:
            await caller.call("plain")
            await asyncio.to_thread(upstream.kill)
            call = asyncio.create_task(caller.call("plain"))
            await asyncio.sleep(0.2)
            assert not call.done()
            await asyncio.to_thread(upstream.start)
            await call

    run(test)


def test_an_upstream_of_another_era_may_take_the_place(own: Start, tmp_path: Path) -> None:
    upstream = own("everything", "--era", "legacy")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.text("echo", {"message": "x"})
            for options in ((), ("--era", "legacy")):
                await asyncio.to_thread(upstream.kill)
                upstream.options = options
                await asyncio.to_thread(upstream.start)
                assert await caller.text("echo", {"message": "after"}) == "after"

    run(test)


def test_an_upstream_that_is_down_is_unreachable(own: Start) -> None:
    async def test() -> None:
        async with calling(f"http://127.0.0.1:{free_port()}/mcp", settings=Settings(upstream_reconnect_s=0.2)) as caller:
            with pytest.raises(UpstreamUnreachable):
                await caller.backend.list_all()
            with pytest.raises(UpstreamUnreachable):
                await caller.call("echo")
            assert caller.dispatched == 0

    run(test)


async def _count(caller: Caller, tool: str) -> int:
    return int(msgspec.json.decode(await caller.text("counts", access="read")).get(tool, 0))


def test_a_connection_that_breaks_before_the_answer_is_tried_again_for_reads_only(own: Start) -> None:
    upstream = own("evil")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            with pytest.raises(UpstreamBadResponse):
                await caller.call("cut_before", access="write")
            assert await _count(caller, "cut_before") == 1
            with pytest.raises(UpstreamBadResponse):
                await caller.call("cut_before", access="read")
            assert await _count(caller, "cut_before") == 3

    run(test)


@pytest.mark.parametrize("mode", ["cut_body", "cut_stream", "error_500", "bad_json"])
def test_what_went_wrong_after_the_first_byte_is_not_sent_again(own: Start, mode: str) -> None:
    upstream = own("evil", "--era", "legacy")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            with pytest.raises(UpstreamBadResponse):
                await caller.call(mode, access="read")
            assert await _count(caller, mode) == 1

    run(test)


def test_a_session_that_is_never_known_is_renewed_once_only(own: Start) -> None:
    upstream = own("evil", "--era", "legacy")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.call("plain")
            with pytest.raises(UpstreamBadResponse):
                await caller.call("error_404")
            assert await _count(caller, "error_404") == 2

    run(test)


def test_a_missing_credential_is_named_and_nothing_is_sent(own: Start) -> None:
    upstream = own("evil")

    async def test() -> None:
        renamed = {"CREDENTIAL_UP_KEY": "MY_UPSTREAM_KEY"}
        async with calling(upstream.url, api_key_env="UP_KEY", env=renamed) as caller:
            with pytest.raises(UpstreamDenied, match="MY_UPSTREAM_KEY"):
                await caller.backend.list_all()
            with pytest.raises(UpstreamDenied, match="MY_UPSTREAM_KEY"):
                await caller.call("plain")

    run(test)
