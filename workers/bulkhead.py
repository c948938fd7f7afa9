"""How many calls of one queue a worker runs at a time, so that a slow backend leaves room for the others."""


class Bulkhead:
    """Slots of one queue. Slots that a claim may fill are reserved while its answer is awaited.

    `apart`: its calls take none of the worker's own slots. So calls that make further calls never take the place of those
    that they wait for.
    """

    __slots__ = ("_limit", "_taken", "apart", "queue", "starved")

    def __init__(self, queue: str, limit: int, *, apart: bool = False) -> None:
        self.queue = queue
        self.apart = apart
        self._limit = limit
        self._taken = 0
        self.starved = False
        """Whether work may be waiting that was not claimed because the slots were full."""

    @property
    def free(self) -> int:
        """Slots that nobody runs in and no claim has reserved."""
        return self._limit - self._taken

    def take(self, slots: int) -> None:
        """Take or reserve slots."""
        self._taken += slots

    def give_back(self, slots: int) -> None:
        """Give slots back, or end their reservation."""
        self._taken -= slots
