"""Names that are gone, by a real broker: when they are told, and by whom."""

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.directory import Directory
from edge.listed_before import ListedBefore
from shared import keys
from shared.catalogue import Catalogue, catalogue_hash, define
from shared.clock import BrokerClock
from shared.codec import seal
from shared.configuration import BackendEntry
from shared.line import RedisLine
from shared.settings import Settings
from tests.contract.hop import GROUP, RING, open_line
from tests.mesh import Broker

SETTLE_S = 0.2
Told = list[MutableMapping[str, Any]]


class Edge:
    """An edge, as far as names are concerned."""

    def __init__(self, line: RedisLine, settle_s: float = SETTLE_S, *exposed: str) -> None:
        refused: list[str] = []
        self._line = line
        self.directory = Directory(
            [BackendEntry(name="up", transport="echo", expose_tools=exposed)],
            RING,
            line,
            BrokerClock(),
            heartbeat_ttl_s=3,
            refused=lambda kind, detail: refused.append(detail),
            changed=lambda backend, kinds, former: self.before.on_catalogue(backend),
        )
        self.before = ListedBefore(
            line,
            RING,
            self.directory,
            Settings(listed_settle_s=settle_s),
            refused=lambda kind, detail: refused.append(kind),
        )
        self.refused = refused

    async def takes(self, *names: str) -> None:
        """A catalogue with tools of these names comes."""
        tools = tuple(
            define(name, "read", b'{"inputSchema":{"type":"object"},"title":"%b"}' % name[:1].encode()) for name in names
        )
        catalogue = Catalogue(
            backend="up", at_ms=1, tools=tools, hash=catalogue_hash(tools, *(name.encode() for name in names))
        )
        await self._line.cmd("SET", keys.catalogue(GROUP, "up"), seal(RING, GROUP, catalogue))
        await self.directory._fetch("up")

    async def remembers(self, name: str) -> None:
        """Wait until the record has that name."""
        async with asyncio.timeout(10):
            while name.encode() not in (await self._line.cmd("GET", keys.listed_names("up")) or b""):
                await asyncio.sleep(0.01)


def run(broker: Broker, test: Callable[[RedisLine], Any]) -> Told:
    """Run it, and give the warnings of names that are gone."""

    async def main() -> None:
        async with open_line(broker) as line:
            await line.cmd("DEL", keys.listed_names("up"))
            await test(line)

    with capture_logs() as logs:
        asyncio.run(main())
    return [entry for entry in logs if entry["event"] in ("listed names are gone", "bare names are gone")]


def test_a_list_is_looked_at_when_it_has_stayed_as_it_is_for_a_while(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        edge = Edge(line)
        await edge.takes("a1", "b1")
        await edge.remembers("up_b1")
        await edge.takes("a1")
        await edge.takes("a1", "b1")
        await edge.takes("a1", "c1")
        await edge.takes("a1", "b1", "d1")
        await edge.remembers("up_d1")

    assert run(broker, test) == []


def test_an_empty_list_says_nothing(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        edge = Edge(line, 0.01)
        await edge.takes("a1", "b1")
        await edge.remembers("up_b1")
        await edge.takes()
        await edge.before._look("up")
        await edge.takes("a1", "b1", "c1")
        await edge.remembers("up_c1")

    assert run(broker, test) == []


@pytest.mark.parametrize("edges", [1, 3])
def test_of_several_edges_one_tells(broker: Broker, edges: int) -> None:
    async def test(line: RedisLine) -> None:
        all_edges = [Edge(line, 0.01) for _ in range(edges)]
        for edge in all_edges:
            await edge.takes("a1", "b1")
        await all_edges[0].remembers("up_b1")
        for edge in all_edges:
            await edge.takes("a1", "b2")
        for edge in all_edges:
            await edge.before._look("up")

    (told,) = run(broker, test)
    assert (told["names"], told["renamed"]) == (["up_b1"], {"b1": "b2"})


def test_a_record_that_is_none_of_ours_is_refused_and_replaced(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        for planted in (b"x", seal(RING, GROUP, Catalogue(backend="up", at_ms=1, tools=(), hash="h"))):
            edge = Edge(line, 0.01)
            await line.cmd("SET", keys.listed_names("up"), planted)
            await edge.takes("a1")
            await edge.remembers("up_a1")
            assert len(edge.refused) == 1
            assert 89 * 24 * 3600 * 1000 < await line.cmd("PTTL", keys.listed_names("up")) <= 90 * 24 * 3600 * 1000

    assert run(broker, test) == []


def test_a_record_of_another_kind_of_value_is_left_alone_and_said(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            await line.cmd("DEL", keys.listed_names("up"))
            await line.cmd("RPUSH", keys.listed_names("up"), "x")
            edge = Edge(line, 0.01)
            await edge.takes("a1")
            async with asyncio.timeout(10):
                await asyncio.gather(*edge.before._looking.values())
            await line.cmd("DEL", keys.listed_names("up"))

    with capture_logs() as logs:
        asyncio.run(main())
    assert [entry["backend"] for entry in logs if entry["event"] == "names not compared"] == ["up"]


def test_a_bare_name_that_the_operator_took_away_is_told_apart_from_a_tool_that_is_gone(broker: Broker) -> None:
    async def test(line: RedisLine) -> None:
        await (before := Edge(line, SETTLE_S, "a1", "b1")).takes("a1", "b1")
        await before.remembers("up_b1")
        await (after := Edge(line, SETTLE_S, "b1")).takes("a1", "b1")
        await after.before._look("up")
        await after.takes("a1", "c1")
        await after.remembers("up_c1")

    told = run(broker, test)
    assert [(entry["event"], entry["names"]) for entry in told] == [
        ("bare names are gone", ["a1"]),
        ("listed names are gone", ["b1", "up_b1"]),
    ]
    assert "leave them in expose_tools" in told[0]["hint"]
