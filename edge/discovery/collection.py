"""All tools that can be called at the endpoint of all backends, and their index, of one state of the name space."""

import asyncio
from collections.abc import Iterator, Mapping

from edge.discovery.called import Called, CalledTools
from edge.discovery.entry import Entry
from edge.discovery.index import Index, building

_SLICE_S = 0.003
"""How long is worked on an index before others have their turn."""
_SETTLE_S = 1.0


class Collection:
    """Of one name space. Never changed."""

    def __init__(self, called: Called, entries: tuple[Entry, ...], index: Index) -> None:
        self.called = called
        self.entries = entries
        """In the order of their names."""
        self.by_name: Mapping[str, Entry] = {entry.name: entry for entry in entries}
        self._index = index

    def ranked(self, query: str) -> list[Entry]:
        """Entries that a query finds, the best first. What is called just that comes before all others."""
        found = [self.entries[number] for number in self._index.ranked(query)]
        exact = [self.by_name[name] for name in self.called.candidates(query.strip())]
        return [*exact, *(entry for entry in found if entry not in exact)] if exact else found


class Collections:
    """Makes them for one edge: one for each state of the name space, whoever asks."""

    def __init__(self, called_tools: CalledTools) -> None:
        self._called_tools = called_tools
        self._latest: Collection | None = None
        self._making: asyncio.Task[None] | None = None
        self._later: asyncio.TimerHandle | None = None

    async def current(self) -> Collection:
        """Of the tools as they are now; where they go on changing, as they were a moment ago."""
        for _ in range(2):
            if self._latest is not None and self._latest.called is self._called_tools.now():
                break
            await asyncio.shield(self._made())
        assert self._latest is not None
        return self._latest

    def prepare(self) -> None:
        """Tools have changed: make it when they have stayed as they are for a while, so that who asks first need not wait.
        Never waits."""
        if self._later is not None:
            self._later.cancel()
        self._later = asyncio.get_running_loop().call_later(_SETTLE_S, self._made)

    def stop(self) -> None:
        """Make no more."""
        if self._later is not None:
            self._later.cancel()
        if self._making is not None:
            self._making.cancel()

    def _made(self) -> asyncio.Task[None]:
        if self._making is None or self._making.done():
            self._making = asyncio.get_running_loop().create_task(self._make())
        return self._making

    async def _make(self) -> None:
        called = self._called_tools.now()
        known = self._latest.by_name if self._latest is not None else {}
        loop = asyncio.get_running_loop()
        pause_at = loop.time() + _SLICE_S
        entries: list[Entry] = []
        index: Index | None = None
        for step in _steps(called, known, entries):
            index = step
            if loop.time() >= pause_at:
                await asyncio.sleep(0)
                pause_at = loop.time() + _SLICE_S
        assert index is not None
        self._latest = Collection(called, tuple(entries), index)


def _steps(called: Called, known: Mapping[str, Entry], entries: list[Entry]) -> Iterator[Index | None]:
    """Fills `entries`, then makes their index. `known`: entries of before, which are taken where the tool is the same."""
    for name, tool in called.tools.items():
        former = known.get(name)
        entries.append(former if former is not None and former.tool is tool else Entry(name, tool))
        yield None
    yield from building([entry.fields for entry in entries])
