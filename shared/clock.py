"""The broker's clock, seen from a role: deadlines mean the same on every machine.

Offset between Redis TIME and this process's monotonic clock, measured with half a round trip as error. A jump of the
machine's wall clock changes nothing.
"""

import asyncio
import time
from contextlib import suppress

from shared.errors import BrokerUnavailable
from shared.line import RedisLine

_MEASURED_EVERY_S = 10.0


class BrokerClock:
    """Unix time in milliseconds as the broker has it."""

    def __init__(self) -> None:
        self._offset_ms = time.time() * 1000 - time.monotonic() * 1000

    async def measure(self, line: RedisLine) -> None:
        """Measure the offset anew: the best (shortest) of three round trips."""
        best: tuple[float, float] | None = None
        for _ in range(3):
            before = time.monotonic() * 1000
            seconds, micros = await line.cmd("TIME")
            after = time.monotonic() * 1000
            offset_ms = int(seconds) * 1000 + int(micros) / 1000 - (before + after) / 2
            if best is None or after - before < best[0]:
                best = (after - before, offset_ms)
        if best is not None:
            self._offset_ms = best[1]

    async def keep_measured(self, line: RedisLine) -> None:
        """Measure it now and then; a broker that is away is asked again later. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(_MEASURED_EVERY_S)
            with suppress(BrokerUnavailable):
                await self.measure(line)

    def now_ms(self) -> int:
        """Now, in milliseconds since the epoch."""
        return int(time.monotonic() * 1000 + self._offset_ms)

    def monotonic_of(self, at_ms: int) -> float:
        """The time of `time.monotonic()` (and of the event loop) at which the broker's clock shows `at_ms`."""
        return (at_ms - self._offset_ms) / 1000
