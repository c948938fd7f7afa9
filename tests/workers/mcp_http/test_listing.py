"""Tools as upstreams list them: all pages, vetted, followed."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from shared.settings import Settings
from tests.upstreams.invocations import Caller
from tests.upstreams.started import Upstream, calling, run

Start = Callable[..., Upstream]


async def names(caller: Caller) -> list[str]:
    return [tool.name for tool in (await caller.backend.list_all()).tools]


def test_a_tool_that_is_not_fit_is_left_out_and_the_others_are_listed(own: Start) -> None:
    upstream = own("evil", "--listing", "bad")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            good, output = (await caller.backend.list_all()).tools
            assert msgspec.json.decode(output.definition) == {"name": "output", "inputSchema": {"type": "object"}}
            assert msgspec.json.decode(good.definition) == {
                "name": "good",
                "inputSchema": {"type": "object"},
                "x-kept": [1.0],
            }
            assert b'"x-kept": [1.0]' in good.definition

    run(test)


def test_all_pages_are_read(own: Start) -> None:
    upstream = own("evil", "--listing", "pages")

    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert await names(caller) == ["page0", "page1", "page2"]

    run(test)


@pytest.mark.parametrize("settings", [Settings(), Settings(upstream_pages_max=1), Settings(upstream_tools_max=1)])
def test_pages_without_end_are_bounded(own: Start, settings: Settings) -> None:
    upstream = own("evil", "--listing", "loop")

    async def test() -> None:
        async with calling(upstream.url, settings=settings) as caller:
            assert await names(caller) == ["good"]

    run(test)


def test_no_more_tools_than_the_limit_are_listed(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url, settings=Settings(upstream_tools_max=3)) as caller:
            assert len(await names(caller)) == 3
        async with calling(evil.url, settings=Settings(upstream_catalogue_bytes_max=200)) as caller:
            assert 1 <= len(await names(caller)) <= 4

    run(test)


def test_only_included_tools_are_listed_with_the_operators_classes(modern: Upstream) -> None:
    async def test() -> None:
        entry: dict[str, Any] = {"include_tools": ["echo", "add", "absent"], "class": {"echo": "read"}}
        async with calling(modern.url, **entry) as caller:
            tools = (await caller.backend.list_all()).tools
            assert [(t.name, t.access) for t in tools] == [("add", "write"), ("echo", "read")]

    run(test)


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        ({}, {"add": "write", "structured": "write", "fail": "write", "echo": "read"}),
        ({"annotations": "ignore"}, {"add": "write", "structured": "write", "fail": "write", "echo": "read"}),
        ({"annotations": "trust"}, {"add": "read", "structured": "idempotent", "fail": "write", "echo": "read"}),
    ],
)
def test_a_servers_annotations_count_only_where_the_operator_trusts_them(
    upstream: Upstream, trust: dict[str, str], expected: dict[str, str]
) -> None:
    async def test() -> None:
        entry: dict[str, Any] = {"include_tools": list(expected), "class": {"echo": "read"}, **trust}
        async with calling(upstream.url, **entry) as caller:
            assert {t.name: t.access for t in (await caller.backend.list_all()).tools} == expected

    run(test)


def test_the_operators_class_wins_over_annotations_that_are_trusted(modern: Upstream) -> None:
    async def test() -> None:
        entry: dict[str, Any] = {"annotations": "trust", "class": {"add": "write", "structured": "read"}}
        async with calling(modern.url, **entry) as caller:
            found = {t.name: t.access for t in (await caller.backend.list_all()).tools}
            assert (found["add"], found["structured"]) == ("write", "read")

    run(test)


def test_a_listing_is_the_same_each_time(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            assert await caller.backend.list_all() == await caller.backend.list_all()

    run(test)


@pytest.mark.parametrize("options", [(), ("--era", "legacy")])
def test_a_new_tool_is_told_of(own: Start, options: tuple[str, ...]) -> None:
    upstream = own("everything", *options)

    async def test() -> None:
        async with calling(upstream.url) as caller, calling(upstream.url) as other:
            assert "grown" not in await names(caller)
            await names(other)
            # The stream opens in the background: until it is there, what changes is not told.
            while not caller.changes.is_set():
                await caller.text("grow", {"name": "grown"})
                await asyncio.sleep(0.1)
            assert "grown" in await names(caller)

    run(test)


@pytest.mark.parametrize("options", [(), ("--era", "legacy")])
def test_an_upstream_that_came_back_counts_as_changed(own: Start, options: tuple[str, ...]) -> None:
    upstream = own("everything", *options)

    async def test() -> None:
        async with calling(upstream.url) as caller:
            await names(caller)
            await asyncio.sleep(0.5)
            await asyncio.to_thread(upstream.kill)
            await asyncio.to_thread(upstream.start)
            await caller.changes.wait()
            assert "echo" in await names(caller)

    run(test)


def test_tools_are_listed_again_after_a_while_in_any_case(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url, settings=Settings(upstream_relist_s=0.2)) as caller:
            await names(caller)
            await caller.changes.wait()

    run(test)
