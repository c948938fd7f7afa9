"""Calls over Streamable HTTP, in both eras, against the SDK's server."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from shared.errors import UpstreamTimeout, UpstreamUnreachable
from tests.mesh import wait_until
from tests.upstreams.evil import PLAIN
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]

SHAPES = {
    "modern": (),
    "modern-json": ("--json",),
    "legacy": ("--era", "legacy"),
    "legacy-json": ("--era", "legacy", "--json"),
    "legacy-stateless": ("--era", "legacy", "--stateless"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_tools_are_listed_and_called_whatever_the_servers_shape(own: Start, shape: str) -> None:
    upstream = own("everything", *SHAPES[shape])

    async def test() -> None:
        async with calling(upstream.url) as caller:
            names = [tool.name for tool in (await caller.backend.list_all()).tools]
            assert names == sorted(names)
            assert {"echo", "add", "slow_progress"} <= set(names)
            assert await caller.text("echo", {"message": "hä"}) == "hä"
            assert await caller.text("add", {"a": 2, "b": 3}) == "5"

    run(test)


def test_progress_comes_with_its_message_and_without_the_token(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert await caller.text("slow_progress", {"steps": 3, "step_ms": 20}, progress=True) == "3 steps"
            assert [(r["progress"], r["message"]) for r in caller.reports] == [
                (1, "step 1 of 3"),
                (2, "step 2 of 3"),
                (3, "step 3 of 3"),
            ]
            assert all("progressToken" not in r for r in caller.reports)

    run(test)


def test_no_progress_is_asked_for_where_the_caller_wants_none(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert await caller.text("slow_progress", {"steps": 2, "step_ms": 5}) == "2 steps"
            assert caller.reports == []

    run(test)


def test_structured_content_arrives(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            result = msgspec.json.decode(await caller.call("structured", {"city": "Bern"}))
            assert result["structuredContent"] == {"city": "Bern", "temperature": 21.5, "tags": ["a", "b"]}

    run(test)


def test_a_result_passes_byte_for_byte_unknown_members_included(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url) as caller:
            assert await caller.call("plain") == PLAIN
            assert await caller.call("gzip_fine") == PLAIN

    run(test)


def test_a_stream_in_odd_pieces_gives_its_progress_and_its_result(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url) as caller:
            assert await caller.call("plain_stream", progress=True) == PLAIN
            assert caller.reports == [{"progress": 1, "total": 2, "message": "hälf", "x-more": [1.5]}]

    run(test)


def test_a_tools_own_error_is_a_result(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert msgspec.json.decode(await caller.call("fail"))["isError"] is True

    run(test)


def test_an_argument_that_is_wanted_as_a_header_travels_as_one(modern: Upstream) -> None:
    async def test() -> None:
        async with calling(modern.url) as caller:
            await caller.backend.list_all()
            assert await caller.text("routed", {"region": " é ", "text": "x"}) == " é : x"

    run(test)


def test_a_body_of_megabytes_is_sent(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert await caller.text("echo", {"message": "m" * 3_000_000}) == "m" * 3_000_000

    run(test)


def test_fifty_calls_are_answered_while_one_runs_into_its_time_out(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            slow = asyncio.create_task(caller.text("sleep", {"ms": 30_000}, timeout_s=1.0))
            answers = await asyncio.gather(*(caller.text("echo", {"message": str(n)}) for n in range(50)))
            assert answers == [str(n) for n in range(50)]
            with pytest.raises(UpstreamTimeout):
                await slow
            assert await caller.text("echo", {"message": "after"}) == "after"

    run(test)


@pytest.mark.parametrize("how", ["time-out", "cancel"])
def test_giving_up_cancels_the_call_at_the_upstream(upstream: Upstream, tmp_path: Path, how: str) -> None:
    mark = tmp_path / "cancelled"

    async def test() -> None:
        async with calling(upstream.url) as caller:
            arguments = {"ms": 30_000, "cancelled_path": str(mark)}
            call = asyncio.create_task(caller.text("sleep", arguments, timeout_s=1.0 if how == "time-out" else 20.0))
            if how == "cancel":
                await asyncio.sleep(0.5)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            else:
                with pytest.raises(UpstreamTimeout):
                    await call
            await asyncio.to_thread(wait_until, mark.exists, "the upstream saw the cancel")

    run(test)


def test_the_entrys_own_time_out_counts(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url, options={"timeout": "300ms"}) as caller:
            await caller.text("echo", {"message": "connect first"})
            with pytest.raises(UpstreamTimeout):
                await caller.text("sleep", {"ms": 20_000})

    run(test)


def test_a_call_that_never_got_a_connection_was_certainly_not_sent(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url, options={"connections": 1}) as caller:
            busy = asyncio.create_task(caller.text("sleep", {"ms": 1_500}))
            await asyncio.to_thread(wait_until, lambda: caller.dispatched, "the call is on its way")
            with pytest.raises(UpstreamUnreachable, match="nothing was sent"):
                await caller.text("echo", {"message": "x"}, timeout_s=0.3)
            assert caller.dispatched == 1
            assert await busy == "slept"

    run(test)


def test_a_broken_off_stream_is_taken_up_again(legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(legacy.url) as caller:
            assert await caller.text("interrupted", progress=True) == "resumed"
            assert caller.dispatched == 1

    run(test)


def test_requests_of_the_upstream_are_answered_on_a_2025_session(evil_legacy: Upstream) -> None:
    async def test() -> None:
        async with calling(evil_legacy.url) as caller:
            heard = msgspec.json.decode(await caller.text("asks_back"))
            assert heard == [
                {"jsonrpc": "2.0", "id": "p", "result": {}},
                {"jsonrpc": "2.0", "id": 7, "error": {"code": -32601, "message": "Method not found"}},
            ]

    run(test)


def test_the_callers_meta_is_passed_and_cannot_speak_for_us(evil: Upstream) -> None:
    meta = b'{"x-trace":"1","progressToken":"theirs","io.modelcontextprotocol/clientInfo":{"name":"liar"}}'

    async def test() -> None:
        async with calling(evil.url) as caller:
            wire = await caller.text("wire", b'{"n":1.50}', meta=meta)
            body = msgspec.json.decode(wire.partition("\r\n\r\n")[2])
            assert '"arguments":{"n":1.50}' in wire
            assert body["params"]["_meta"] == {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "toolmesh", "version": "0.1.0"},
                "io.modelcontextprotocol/clientCapabilities": {},
                "x-trace": "1",
            }

    run(test)


def test_the_credential_is_sent_as_a_bearer_token(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url, api_key_env="UP_KEY", environment={"CREDENTIAL_UP_KEY": "s3cret"}) as caller:
            assert "Authorization: Bearer s3cret" in await caller.text("wire")

    run(test)


@pytest.mark.parametrize("kind", ["evil", "evil_legacy"])
def test_an_upstream_that_echoes_the_credential_shows_it_to_nobody(request: pytest.FixtureRequest, kind: str) -> None:
    upstream: Upstream = request.getfixturevalue(kind)

    async def test() -> None:
        environment = {"CREDENTIAL_UP_KEY": "canary/0123456789+abc="}
        async with calling(upstream.url, api_key_env="UP_KEY", environment=environment) as caller:
            said = await caller.text("wire")
            assert "Authorization: Bearer ***" in said
            assert "canary" not in said

    run(test)
