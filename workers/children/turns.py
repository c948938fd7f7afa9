"""Who waits for a child: tenants take turns, so that one that asks for many keeps nobody else waiting."""

import asyncio
from collections import deque
from collections.abc import Callable

from workers.children.child import ChildProcess

Place = asyncio.Future[ChildProcess]


class Turns:
    """Mutable: places in line, by tenant."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Place]] = {}
        """In the order of whose turn it is."""
        self.waiting = 0

    def enter(self, tenant: str) -> Place:
        """A place at the end of the tenant's line."""
        place: Place = asyncio.get_running_loop().create_future()
        self._lines.setdefault(tenant, deque()).append(place)
        self.waiting += 1
        return place

    def leave(self, tenant: str, place: Place) -> None:
        """Give a place up that was not called."""
        line = self._lines.get(tenant)
        if line is not None and place in line:
            line.remove(place)
            self.waiting -= 1
            if not line:
                del self._lines[tenant]

    def call(self, may: Callable[[str], bool]) -> tuple[str, Place] | None:
        """Take the next place of the first tenant in turn that may come; it is the last in turn afterwards."""
        for tenant in self._lines:
            if may(tenant):
                line = self._lines.pop(tenant)
                place = line.popleft()
                self.waiting -= 1
                if line:
                    self._lines[tenant] = line
                return tenant, place
        return None

    def wanted(self, room: Callable[[str], int]) -> int:
        """How many places could be called if there were children enough; `room`: how many a tenant may have yet."""
        return sum(min(len(line), max(0, room(tenant))) for tenant, line in self._lines.items())

    def dismiss(self, cause: Exception) -> None:
        """Tell all who wait that there is nothing to wait for."""
        for line in self._lines.values():
            for place in line:
                if not place.done():
                    place.set_exception(cause)
        self._lines.clear()
        self.waiting = 0
