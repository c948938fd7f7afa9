"""One call that somebody waits for: its events, in order and without gaps, up to its end."""

import asyncio
from collections import deque

from shared.messages import Final, Notice, Spoken


class Waiter:
    """Bounded queue of one call's events. Woken by the relay, by timers and by the client's going away."""

    __slots__ = (
        "_asked",
        "_events",
        "_events_max",
        "_wake",
        "backend",
        "call_id",
        "dropped",
        "final",
        "gone",
        "group",
        "seen",
    )

    def __init__(self, call_id: str, group: str, backend: str, events_max: int) -> None:
        self.call_id = call_id
        self.group = group
        self.backend = backend
        self.final: Final | None = None
        self.seen = 0
        """Sequence number of the last event that was taken."""
        self.dropped = 0
        """Progress events that were dropped because the client reads too slowly."""
        self.gone = False
        """Whether the client has closed its connection."""
        self._asked: set[str] = set()
        self._events: deque[Spoken] = deque()
        self._events_max = events_max
        self._wake: asyncio.Future[None] | None = None

    def push(self, event: Spoken | Final) -> bool:
        """Take an event; gives False when one before it is missing. What was seen already is ignored."""
        if self.final is not None:
            return True
        if isinstance(event, Spoken):
            if event.seq <= self.seen:
                return True
            if event.seq != self.seen + 1:
                return False
            self.seen = event.seq
            if isinstance(event, Notice) and event.request_id:
                if event.request_id in self._asked:
                    return True  # a worker that did not learn whether it was heard asks again
                self._asked.add(event.request_id)
            if len(self._events) >= self._events_max:
                self._make_room()
            self._events.append(event)
        else:
            if event.seq > self.seen + 1:
                return False
            self.final = event
        self.wake()
        return True

    def skip_to(self, seq: int) -> None:
        """Give up on events up to this one: they are nowhere to be found."""
        self.seen = max(self.seen, seq)

    def _make_room(self) -> None:
        """A slow reader loses progress, never the result, nor a question; the newest progress says the most."""
        for at, event in enumerate(self._events):
            if not isinstance(event, Notice) or not event.request_id:
                del self._events[at]
                break
        else:
            self._events.popleft()
        self.dropped += 1

    def take(self) -> Spoken | None:
        """The next event before the end, or None."""
        return self._events.popleft() if self._events else None

    def leave(self) -> None:
        """The client is gone."""
        self.gone = True
        self.wake()

    def wake(self) -> None:
        """Wake whoever waits."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def wait(self) -> None:
        """Wait for an event, the end, the client's going away, or a wake-up; at most one may wait."""
        if self._events or self.final is not None or self.gone:
            return
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await self._wake
        finally:
            self._wake = None
