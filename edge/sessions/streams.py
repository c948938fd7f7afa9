"""All standing streams of this edge: how many there may be, their signs of life, and their end when the edge drains."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from edge.problems import too_many
from edge.sessions.event_stream import EventStream, Receive, Send, Take
from shared.identity import Principal, share_of
from shared.settings import Settings

_TICK_S = 0.5
_RETRY_AFTER_S = 5


class Streams:
    """The open streams, whatever they carry."""

    def __init__(self, settings: Settings) -> None:
        self._principal_max = settings.streams_principal_max
        self._max = settings.streams_max
        self._slow_reader_s = settings.slow_reader_s
        self._keepalive_s = settings.keepalive_s
        self._open: set[EventStream] = set()
        self._of: Counter[str] = Counter()
        self._draining = False

    def __len__(self) -> int:
        return self._of.total()

    def admit(self, principal: Principal) -> None:
        """Raises Refusal 429 when this principal has as many streams as it may have, 503 when the edge has."""
        if self._draining:
            raise too_many(503, "This server stops. Try again.", retry_after_s=1)
        if self._of[share_of(principal)] >= self._principal_max:
            raise too_many(429, f"You have {self._principal_max} open streams. Close some.", retry_after_s=_RETRY_AFTER_S)
        if len(self) >= self._max:
            raise too_many(503, "There are as many open streams as there may be. Try again.", retry_after_s=_RETRY_AFTER_S)

    def make(self, receive: Receive, send: Send, take: Take) -> EventStream:
        """A stream that is not open yet."""
        return EventStream(receive, send, take, self._slow_reader_s)

    async def run(self, principal: Principal, stream: EventStream, first: bytes, last: Take) -> None:
        """Open a stream and give back when it has ended. Raises Refusal before anything is written, as `admit`."""
        with self.counted(principal):
            self._open.add(stream)
            try:
                await stream.run(first, last)
            finally:
                self._open.discard(stream)

    @contextmanager
    def counted(self, principal: Principal) -> Iterator[None]:
        """One stream more for as long as it takes. Raises Refusal, as `admit`."""
        self.admit(principal)
        share = share_of(principal)
        self._of[share] += 1
        try:
            yield
        finally:
            self._of[share] -= 1
            if not self._of[share]:
                del self._of[share]

    async def keep_alive(self) -> None:
        """The one clock of all streams; to be run as a task for as long as the edge lives."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_TICK_S, self._keepalive_s))
            due = loop.time() - self._keepalive_s
            for stream in [stream for stream in self._open if stream.written_at <= due]:
                stream.keep_alive()

    def drain(self) -> None:
        """End all streams, and admit none any more: clients go to another edge."""
        self._draining = True
        for stream in list(self._open):
            stream.end()
