"""Takes requests off the list, over a connection of its own that may block, as many as there is room for."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from redis.asyncio import Redis

from shared import keys
from shared.line import CONNECTION_LOST

log = structlog.get_logger()

_BLOCK_S = 0.5
_BATCH_MAX = 128
_RETRY_S = 0.2


class Requests:
    """Takes them for one edge."""

    def __init__(
        self,
        url: str,
        take: Callable[[bytes], None],
        free: Callable[[], int],
        room: Callable[[], Awaitable[None]],
        *,
        timeout_s: float,
    ) -> None:
        """`take` is given each request as it lay there; `free` says for how many there is room, and `room` waits for it."""
        self._url = url
        self._take = take
        self._free = free
        self._room = room
        self._timeout_s = timeout_s
        self.stopped = False
        """Set: the ones that are there are left to other edges."""

    async def keep_taking(self) -> None:
        """Until it is stopped: what was taken is never thrown away, as long as nobody cancels this."""
        while not self.stopped:
            try:
                timeout_s = _BLOCK_S + self._timeout_s
                async with Redis.from_url(
                    self._url, socket_connect_timeout=self._timeout_s, socket_timeout=timeout_s
                ) as redis:
                    while not self.stopped:
                        await self._take_some(redis)
            except CONNECTION_LOST as error:
                log.warning("requests of running calls can't be taken now", reason=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
            except Exception:
                log.exception("taking requests of running calls failed")  # the next ones are taken
                await asyncio.sleep(_RETRY_S)

    async def _take_some(self, redis: Redis) -> None:
        free = self._free()
        if free <= 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room(), _RETRY_S)
            return
        command = ("BLMPOP", _BLOCK_S, 1, keys.INNER, "LEFT", "COUNT", min(free, _BATCH_MAX))
        reply = await redis.execute_command(*command)  # type: ignore[no-untyped-call]
        for raw in reply[1] if reply else ():
            self._take(raw)
