"""What an edge has in hand of running calls' requests: who waits, where the answer goes, and which call it became."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.inner.opening import Opened
from edge.running import Running
from shared.errors import PrincipalBusy
from shared.identity import share_of

Name = tuple[str, int]
"""Parent and ordinal."""


@dataclass(slots=True, eq=False)
class Asked:
    """One request. Mutable: it may come again from elsewhere, become a call, and be cancelled."""

    opened: Opened
    running: Running | None = None
    cancelled: bool = False
    holds: bool = False
    """Whether it became a call that makes calls itself, and waits for them."""
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
    """All of them, by parent and ordinal.

    Those that wait for calls of their own are counted apart, and are held to the same limits among themselves: else they
    could leave no room for what they wait for.
    """

    def __init__(self, *, running_max: int, principal_max: int) -> None:
        self._running_max = running_max
        self._principal_max = principal_max
        self._asked: dict[Name, Asked] = {}
        self._plain: Counter[str] = Counter()
        self._holding: Counter[str] = Counter()
        self._freed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._asked)

    def __iter__(self) -> Iterator[Asked]:
        return iter(list(self._asked.values()))

    def find(self, name: Name) -> Asked | None:
        """The one of that name."""
        return self._asked.get(name)

    @property
    def free(self) -> int:
        """How many more may be taken in hand."""
        return self._running_max - self._plain.total()

    def take(self, asked: Asked) -> None:
        """Take one in hand. Raises PrincipalBusy."""
        self._check(self._plain[asked.share])
        self._asked[asked.name] = asked
        self._plain[asked.share] += 1

    def hold(self, asked: Asked) -> None:
        """It is to make calls itself. Raises PrincipalBusy."""
        self._check(self._holding[asked.share])
        if self._holding.total() >= self._running_max:
            raise PrincipalBusy("As many composites of scripts run here as may. Try again shortly.", retry_after_s=1)
        asked.holds = True
        if self._asked.get(asked.name) is asked:
            _count_down(self._plain, asked.share)
            self._holding[asked.share] += 1
            self._freed.set()

    def release(self, asked: Asked) -> None:
        """It has its answer, or needs none."""
        if self._asked.get(asked.name) is asked:
            del self._asked[asked.name]
            _count_down(self._holding if asked.holds else self._plain, asked.share)
            self._freed.set()

    def _check(self, has: int) -> None:
        if has >= self._principal_max:
            raise PrincipalBusy(
                f"You have {self._principal_max} calls of scripts running here. Wait until some are done.", retry_after_s=1
            )

    async def room(self) -> None:
        """Wait until one is released."""
        self._freed.clear()
        await self._freed.wait()


def _count_down(counter: Counter[str], share: str) -> None:
    counter[share] -= 1
    if not counter[share]:
        del counter[share]
