"""HTTP+SSE of MCP 2024-11-05: found out, used, and kept in bounds."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import MeshError, UpstreamBadResponse, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from shared.settings import Settings
from tests.mesh import wait_until
from tests.upstreams.evil_sse import PLAIN
from tests.upstreams.started import Upstream, calling, run
from tests.workers.mcp_http.test_hostile_upstreams import RSS_GROWTH_MAX, peak_rss

Start = Callable[..., Upstream]

SMALL = Settings(upstream_stream_bytes_max=4 * 1024 * 1024)


@pytest.mark.parametrize("path", ["/sse", "/mcp"])
def test_an_upstream_is_spoken_to_as_it_speaks_whatever_its_url_says(sse: Upstream, path: str) -> None:
    async def test() -> None:
        async with calling(sse.url.replace("/mcp", path)) as caller:
            assert "echo" in [tool.name for tool in (await caller.offer()).tools]
            assert await caller.text("echo", {"message": "hä"}) == "hä"

    run(test)


def test_one_stream_carries_the_answers_of_many_calls(sse: Upstream) -> None:
    async def test() -> None:
        async with calling(sse.url) as caller:
            slow = asyncio.create_task(caller.text("slow_progress", {"steps": 3, "step_ms": 30}, progress=True))
            calls = (caller.text("echo", {"message": str(n)}) for n in range(50))
            assert await asyncio.gather(*calls) == [str(n) for n in range(50)]
            assert await slow == "3 steps"
            assert [report["progress"] for report in caller.reports] == [1, 2, 3]

    run(test)


def test_a_stream_that_breaks_fails_its_calls_and_the_next_call_opens_another(own: Start, tmp_path: Path) -> None:
    upstream = own("everything", "--sse")
    path = tmp_path / "lines"

    async def test() -> None:
        async with calling(upstream.url) as caller:
            calls = [asyncio.create_task(caller.text("sleep", {"ms": 30_000})) for _ in range(3)]
            await asyncio.to_thread(wait_until, lambda: caller.dispatched == 3, "the calls are on their way")
            await asyncio.sleep(0.2)
            await asyncio.to_thread(upstream.kill)
            for ended in await asyncio.gather(*calls, return_exceptions=True):
                assert type(ended) is UpstreamBadResponse
            await asyncio.to_thread(upstream.start)
            assert await caller.text("write_line", {"path": str(path), "text": "once"}) == "written"
        assert path.read_text() == "once\n"

    run(test)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:{other}/messages?s=1",
        "//127.0.0.1:{other}/messages?s=1",
        "http://localhost:{port}/messages?s=1",
        "https://127.0.0.1:{port}/messages?s=1",
        "http://somebody@127.0.0.1:{port}/messages?s=1",
        "file:///etc/passwd",
        "http://[",
        "/" + "x" * 4000,
    ],
)
def test_an_endpoint_of_another_origin_gets_nothing(own: Start, endpoint: str) -> None:
    other = own("evil_sse")
    upstream = own("evil_sse")
    upstream.kill()
    upstream.options = ("--endpoint", endpoint.format(other=other.port, port=upstream.port))
    upstream.start()

    async def test() -> None:
        environment = {"CREDENTIAL_UP_KEY": "s3cret"}
        async with calling(upstream.url, api_key_env="UP_KEY", environment=environment) as caller:
            with pytest.raises(UpstreamBadResponse, match=r"endpoint|origin"):
                await caller.offer()
            with pytest.raises(UpstreamBadResponse, match=r"endpoint|origin"):
                await caller.call("plain")
            assert caller.dispatched == 0
        async with calling(other.url) as caller:
            assert await caller.text("heard") == '[{"jsonrpc": "2.0", "method": "notifications/initialized"}]'

    run(test)


@pytest.mark.parametrize("named", ["messages?s=1", "?s=1", "//127.0.0.1:{port}/m?s=1", "http://127.0.0.1:{port}/m?s=1"])
def test_an_endpoint_of_the_same_origin_may_be_named_in_any_way(own: Start, named: str) -> None:
    upstream = own("evil_sse")
    upstream.kill()
    upstream.options = ("--endpoint", named.format(port=upstream.port))
    upstream.start()

    async def test() -> None:
        async with calling(f"http://127.0.0.1:{upstream.port}/deep/sse") as caller:
            assert await caller.call("plain") == PLAIN

    run(test)


@pytest.mark.parametrize("mode", ["flood", "comments", "huge", "bad_json", "cut", "giant_notice"])
def test_a_stream_that_goes_wrong_is_given_up_and_the_next_call_is_served(evil_sse: Upstream, mode: str) -> None:
    async def test() -> None:
        before = peak_rss()
        async with calling(evil_sse.url, settings=SMALL) as caller:
            with pytest.raises(UpstreamBadResponse):
                await caller.call(mode)
            assert await caller.call("plain") == PLAIN
        assert peak_rss() - before < RSS_GROWTH_MAX

    run(test)


def test_what_is_too_deep_concerns_its_own_call_only(evil_sse: Upstream) -> None:
    async def test() -> None:
        async with calling(evil_sse.url) as caller:
            with pytest.raises(UpstreamTimeout):
                await caller.call("hang", timeout_s=0.2)
            hanging = asyncio.create_task(caller.call("hang", timeout_s=0.5))
            with pytest.raises(UpstreamBadResponse, match="deeper"):
                await caller.call("deep")
            assert await caller.call("plain") == PLAIN
            with pytest.raises(UpstreamTimeout):
                await hanging

    run(test)


def test_answers_do_not_count_against_the_streams_limit(evil_sse: Upstream) -> None:
    settings = Settings(upstream_stream_bytes_max=64 * 1024)

    async def test() -> None:
        async with calling(evil_sse.url, settings=settings) as caller:
            for _ in range(2_000):
                assert await caller.call("plain") == PLAIN

    run(test)


def test_a_session_that_the_upstream_forgot_is_renewed_once(evil_sse: Upstream) -> None:
    async def test() -> None:
        async with calling(evil_sse.url) as caller:
            await caller.call("plain")
            with pytest.raises(UpstreamBadResponse):
                await caller.call("forgotten")
            assert caller.dispatched == 3
            assert await caller.call("plain") == PLAIN

    run(test)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("silent", UpstreamUnreachable), ("plain_text", UpstreamBadResponse), ("comments", MeshError)],
)
def test_a_stream_that_never_begins_is_a_typed_error(own: Start, mode: str, expected: type[MeshError]) -> None:
    upstream = own("evil_sse", "--always", mode)
    settings = Settings(upstream_handshake_s=0.2, upstream_stream_bytes_max=1024 * 1024)

    async def test() -> None:
        async with calling(upstream.url, settings=settings) as caller:
            with pytest.raises(expected):
                await caller.offer()
            with pytest.raises(expected):
                await caller.call("plain", timeout_s=0.5)
            assert caller.dispatched == 0

    run(test)


def test_one_of_another_era_may_take_the_place(own: Start) -> None:
    upstream = own("everything", "--sse")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await caller.text("echo", {"message": "x"})
            for options in ((), ("--sse",)):
                await asyncio.to_thread(upstream.kill)
                upstream.options = options
                await asyncio.to_thread(upstream.start)
                assert await caller.text("echo", {"message": "after"}) == "after"

    run(test)


def test_an_error_of_the_upstream_is_passed_on(sse: Upstream) -> None:
    async def test() -> None:
        async with calling(sse.url) as caller:
            with pytest.raises(UpstreamError) as raised:
                await caller.request("prompts/get", {"name": "absent"})
            assert "absent" in (raised.value.data or {})["error"]["message"]

    run(test)
