"""Every way in which an upstream can answer badly: a typed error, in time, in bounded memory, and no other call suffers."""

import asyncio
import resource
import sys
from collections.abc import Callable

import pytest

from shared.errors import (
    MeshError,
    UpstreamBadResponse,
    UpstreamDenied,
    UpstreamError,
    UpstreamTimeout,
    UpstreamTooLarge,
    UpstreamUnreachable,
)
from shared.settings import Settings
from tests.upstreams.evil import PLAIN
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]

EXPECTED: dict[str, type[MeshError]] = {
    "bad_json": UpstreamBadResponse,
    "bad_utf8": UpstreamBadResponse,
    "batch": UpstreamBadResponse,
    "cut_before": UpstreamBadResponse,
    "cut_body": UpstreamBadResponse,
    "cut_stream": UpstreamBadResponse,
    "deep": UpstreamBadResponse,
    "endless_flood": UpstreamTooLarge,
    "endless_stream": UpstreamTimeout,
    "error_202": UpstreamBadResponse,
    "error_401": UpstreamDenied,
    "error_403": UpstreamDenied,
    "error_404": UpstreamBadResponse,
    "error_500": UpstreamBadResponse,
    "gzip_bomb": UpstreamTooLarge,
    "hang": UpstreamTimeout,
    "huge": UpstreamTooLarge,
    "huge_chunked": UpstreamTooLarge,
    "huge_event": UpstreamTooLarge,
    "long_header": UpstreamBadResponse,
    "many_headers": UpstreamBadResponse,
    "no_object": UpstreamBadResponse,
    "not_a_number": UpstreamBadResponse,
    "not_http": UpstreamBadResponse,
    "redirect": UpstreamBadResponse,
    "rpc_error": UpstreamError,
    "rpc_error_400": UpstreamError,
    "very_deep": UpstreamBadResponse,
    "wrong_id": UpstreamBadResponse,
    "wrong_id_stream": UpstreamBadResponse,
    "wrong_type": UpstreamBadResponse,
}
FAST = Settings(upstream_stream_bytes_max=4 * 1024 * 1024)
RSS_GROWTH_MAX = 100 * 1024 * 1024


def peak_rss() -> int:
    """The most memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("mode", EXPECTED)
def test_a_bad_answer_is_a_typed_error(request: pytest.FixtureRequest, mode: str, era: str) -> None:
    upstream: Upstream = request.getfixturevalue("evil" if era == "modern" else "evil_legacy")

    async def test() -> None:
        before = peak_rss()
        async with calling(upstream.url, settings=FAST) as caller:
            other = asyncio.create_task(caller.call("plain"))
            with pytest.raises(MeshError) as raised:
                await caller.call(mode, timeout_s=1.0 if EXPECTED[mode] is UpstreamTimeout else 30.0)
            assert type(raised.value).code == EXPECTED[mode].code
            assert await other == PLAIN
            assert await caller.call("plain") == PLAIN
        assert peak_rss() - before < RSS_GROWTH_MAX

    run(test)


def test_an_error_of_json_rpc_is_passed_on_whole(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url) as caller:
            with pytest.raises(UpstreamError) as raised:
                await caller.call("rpc_error")
            error = {"code": -32099, "message": "odd", "data": {"why": [1, 2.5]}, "x-more": True}
            assert raised.value.data == {"error": error}

    run(test)


def test_a_flood_of_progress_is_thinned_and_the_answer_arrives(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url) as caller:
            assert await caller.call("flood", progress=True) == PLAIN
            assert 0 < len(caller.reports) < 20 * Settings().upstream_progress_per_s_max

    run(test)


@pytest.mark.parametrize("mode", ["error_500", "wrong_type", "bad_json", "huge", "cut_body", "no_object", "error_401"])
def test_a_bad_handshake_is_a_typed_error(own: Start, mode: str) -> None:
    upstream = own("evil", "--always", mode)

    async def test() -> None:
        async with calling(upstream.url) as caller:
            with pytest.raises(MeshError) as raised:
                await caller.backend.list_all()
            assert raised.value.code in {"upstream_bad_response", "upstream_too_large", "upstream_denied"}

    run(test)


def test_an_upstream_that_hangs_in_the_handshake_was_sent_no_call(own: Start) -> None:
    upstream = own("evil", "--always", "hang")

    async def test() -> None:
        async with calling(upstream.url, settings=Settings(upstream_handshake_s=0.3)) as caller:
            with pytest.raises(UpstreamUnreachable):
                await caller.backend.list_all()
            with pytest.raises(UpstreamUnreachable):
                await caller.call("plain", timeout_s=0.2)
            assert caller.dispatched == 0

    run(test)
