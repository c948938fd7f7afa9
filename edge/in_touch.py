"""An edge's touch with the broker of calls: connected, known to it as alive, told its time, and hearing what is said."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from edge.alive import Alive
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.subscription import Subscription

log = structlog.get_logger()

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
        await keep_trying(self._connect, is_draining, "waiting for the broker")
        self._line.on_connect.append(self._greet)
        await self._subscription.open()

    async def close(self) -> None:
        """Disconnect."""
        await self._subscription.close()
        await self._line.close()

    async def _connect(self) -> None:
        await self._line.open()
        await self._greet()

    async def _greet(self) -> None:
        self._alive.beat()
        await ensure_functions(self._line)
        await self._clock.measure(self._line)
        self._reached()


async def keep_trying(connect: Callable[[], Awaitable[None]], is_draining: Callable[[], bool], waiting: str) -> None:
    """Connect; a broker that is away is waited for, with `waiting` in the log, unless the edge is told to stop
    (BrokerUnavailable)."""
    while True:
        try:
            await connect()
        except BrokerUnavailable as error:
            if is_draining():
                raise
            log.warning(waiting, reason=error.detail)
            await asyncio.sleep(_AGAIN_S)
        else:
            return
