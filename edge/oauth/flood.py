"""How often an address may do something in a minute, at one edge: counted in memory, so that a flood costs nothing
elsewhere."""

import time
from collections import OrderedDict
from collections.abc import Callable

_ADDRESSES_MAX = 50_000
_WINDOW_S = 60.0


class Flood:
    """Counts by address in windows of a minute."""

    def __init__(self, per_min_max: int, now: Callable[[], float] = time.monotonic) -> None:
        self._max = per_min_max
        self._now = now
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """Address → end of its window, and what it did in it."""

    def wait_s(self, address: str) -> float:
        """0 while the address is below the limit; else after how many seconds to come again."""
        end, count = self._counts.get(address, (0.0, 0))
        left = end - self._now()
        return left if left > 0 and count >= self._max else 0.0

    def add(self, address: str) -> None:
        """It did it once more."""
        now = self._now()
        end, count = self._counts.pop(address, (0.0, 0))
        self._counts[address] = (end, count + 1) if end > now else (now + _WINDOW_S, 1)
        if len(self._counts) > _ADDRESSES_MAX:
            self._counts.popitem(last=False)
