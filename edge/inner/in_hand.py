"""What an edge has in hand of running calls' requests: who waits, where the answer goes, and which call it became."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.inner.opening import Opened
from edge.running import Running
from shared.identity import share_of

Name = tuple[str, int]
"""Parent and ordinal."""


@dataclass(slots=True, eq=False)
class Asked:
    """One request. Mutable: it may come again from elsewhere, become a call, and be cancelled."""

    opened: Opened
    running: Running | None = None
    cancelled: bool = False
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)
    stopping: "asyncio.Task[None] | None" = field(default=None, repr=False)

    @property
    def name(self) -> Name:
        """Parent and ordinal."""
        request = self.opened.request
        return request.parent, request.ordinal

    @property
    def share(self) -> str:
        """Whose it is."""
        return share_of(self.opened.grant.principal)


class InHand:
    """All of them, by parent and ordinal."""

    def __init__(self) -> None:
        self._asked: dict[Name, Asked] = {}
        self._of: Counter[str] = Counter()
        self._freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Asked]:
        return iter(list(self._asked.values()))

    def find(self, name: Name) -> Asked | None:
        """The one of that name."""
        return self._asked.get(name)

    def of(self, share: str) -> int:
        """How many of somebody's there are."""
        return self._of[share]

    def take(self, asked: Asked) -> None:
        """Take one in hand."""
        self._asked[asked.name] = asked
        self._of[asked.share] += 1

    def release(self, asked: Asked) -> None:
        """It has its answer, or needs none."""
        if self._asked.get(asked.name) is asked:
            del self._asked[asked.name]
            self._of[asked.share] -= 1
            if not self._of[asked.share]:
                del self._of[asked.share]
            self._freed.set()

    async def room(self) -> None:
        """Wait until one is released."""
        self._freed.clear()
        await self._freed.wait()
