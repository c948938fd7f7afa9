"""Who waits for a child: tenants take turns, so that one that asks for many keeps nobody else waiting."""

import asyncio
from collections import deque
from collections.abc import Iterator

from workers.children.child import ChildProcess
from workers.children.owner import Owner


class Place:
    """In line, until `called` has the child."""

    __slots__ = ("called", "owner")

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.called: asyncio.Future[ChildProcess] = asyncio.get_running_loop().create_future()


class Turns:
    """Mutable: places in line, by tenant."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Place]] = {}
        """In the order of whose turn it is."""
        self.waiting = 0

    def enter(self, owner: Owner) -> Place:
        """A place at the end of the tenant's line."""
        place = Place(owner)
        self._lines.setdefault(owner.tenant, deque()).append(place)
        self.waiting += 1
        return place

    def leave(self, place: Place) -> None:
        """Give a place up that was not called."""
        line = self._lines.get(place.owner.tenant)
        if line is not None and place in line:
            line.remove(place)
            self.waiting -= 1
            if not line:
                del self._lines[place.owner.tenant]

    def in_turn(self) -> Iterator[str]:
        """The tenants of all places in the order in which they are to be called; places may be called meanwhile."""
        left = {tenant: len(line) for tenant, line in self._lines.items()}
        while left:
            for tenant in list(left):
                yield tenant
                left[tenant] -= 1
                if not left[tenant]:
                    del left[tenant]

    def next(self, tenant: str) -> Owner:
        """Whose the tenant's next place is."""
        return self._lines[tenant][0].owner

    def call(self, tenant: str) -> Place:
        """Take the tenant's next place; the tenant is the last in turn afterwards."""
        line = self._lines.pop(tenant)
        place = line.popleft()
        self.waiting -= 1
        if line:
            self._lines[tenant] = line
        return place

    def dismiss(self, cause: Exception) -> None:
        """Tell all who wait that there is nothing to wait for."""
        for line in self._lines.values():
            for place in line:
                if not place.called.done():
                    place.called.set_exception(cause)
        self._lines.clear()
        self.waiting = 0
