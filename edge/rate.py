"""How often something may happen in a second, within one process."""

import time


class Rate:
    """Admits a number of events in each second of the clock."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second = 0
        self._used = 0

    def admits(self) -> bool:
        """Whether one more fits into this second."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._used = second, 0
        self._used += 1
        return self._used <= self._per_s
