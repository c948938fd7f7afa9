"""The way to where log-ins are kept: the broker of the calls, or one of its own (`AUTH_REDIS_URL`)."""

import asyncio
from collections.abc import Awaitable, Callable

from shared import log_in_keys
from shared.clock import BrokerClock
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.settings import Settings
from shared.subscription import Subscription


class AuthBroker:
    """One edge's connections to it."""

    def __init__(self, settings: Settings, line: RedisLine, clock: BrokerClock) -> None:
        """`line`, `clock`: of the calls' broker, used where it is the same one."""
        shared_url = settings.redis_url.reveal()
        self._url = settings.auth_redis_url.reveal() if settings.auth_redis_url is not None else shared_url
        self.own = self._url != shared_url
        """Whether it is another broker than that of the calls."""
        self.line = (
            RedisLine(self._url, pending_max=settings.redis_pending_max, timeout_s=settings.redis_timeout_s)
            if self.own
            else line
        )
        self.clock = BrokerClock() if self.own else clock
        self._timeout_s = settings.redis_timeout_s
        self._subscription: Subscription | None = None
        self._timekeeper: asyncio.Task[None] | None = None

    async def open(self, revoked: Callable[[str], None], heard: Callable[[], None]) -> None:
        """Connect; from now on `revoked` is told of grants that ended, and `heard` whenever some may have been missed.

        Raises BrokerUnavailable.
        """
        if self.own:
            await self.line.open()
            await self._greet()
            self.line.on_connect.append(self._greet)
            self._timekeeper = asyncio.create_task(self.clock.keep_measured(self.line))
        self._subscription = Subscription(
            self._url,
            [log_in_keys.REVOKED],
            lambda channel, data: revoked(data.decode("ascii", "replace")),
            _told(heard),
            timeout_s=self._timeout_s,
        )
        await self._subscription.open()

    @property
    def hears(self) -> bool:
        """Whether the end of a grant would be heard of now."""
        return self._subscription is not None and self._subscription.live

    async def close(self) -> None:
        """Disconnect."""
        if self._timekeeper is not None:
            self._timekeeper.cancel()
        if self._subscription is not None:
            await self._subscription.close()
        if self.own:
            await self.line.close()

    async def _greet(self) -> None:
        await ensure_functions(self.line)
        await self.clock.measure(self.line)


def _told(heard: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def tell() -> None:
        heard()

    return tell
