"""An edge's touch with the broker of calls: connected, known to it as alive, told its time, and hearing what is said."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from edge.alive import Alive
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.subscription import Subscription

log = structlog.get_logger()

_CLOCK_S = 10.0
_AGAIN_S = 1.0


class InTouch:
    """Of one edge."""

    def __init__(
        self,
        line: RedisLine,
        clock: BrokerClock,
        subscription: Subscription,
        alive: Alive,
        *,
        reached: Callable[[], None],
    ) -> None:
        """`reached`: called after each (new) connection, when the broker knows of this edge again."""
        self._line = line
        self._clock = clock
        self._subscription = subscription
        self._alive = alive
        self._reached = reached

    @property
    def now(self) -> bool:
        """Whether calls can be sent and their answers heard."""
        return self._line.connected and self._subscription.live

    async def open(self, is_draining: Callable[[], bool]) -> None:
        """Connect; a broker that is away is waited for, unless the edge is told to stop (BrokerUnavailable)."""
        while True:
            try:
                await self._line.open()
                await self._greet()
            except BrokerUnavailable as error:
                if is_draining():
                    raise
                log.warning("waiting for the broker", reason=error.detail)
                await asyncio.sleep(_AGAIN_S)
            else:
                break
        self._line.on_connect.append(self._greet)
        await self._subscription.open()

    async def keep_time(self) -> None:
        """Measure the broker's clock now and then, for as long as the edge runs."""
        while True:
            await asyncio.sleep(_CLOCK_S)
            with suppress(BrokerUnavailable):
                await self._clock.measure(self._line)

    async def close(self) -> None:
        """Disconnect."""
        await self._subscription.close()
        await self._line.close()

    async def _greet(self) -> None:
        self._alive.beat()
        await ensure_functions(self._line)
        await self._clock.measure(self._line)
        self._reached()
