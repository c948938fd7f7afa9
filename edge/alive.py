"""An edge's sign of life: what waits at an edge without one has lost its waiter."""

import asyncio
from collections.abc import Callable

from shared import keys
from shared.line import RedisLine

_SOON_S = 0.05


class Alive:
    """Beats for one edge."""

    def __init__(
        self, line: RedisLine, edge_id: str, *, heartbeat_s: float, ttl_s: float, owes_word: Callable[[], bool]
    ) -> None:
        """`owes_word`: whether something is to be told before the next sign, because a sign vouches for it."""
        self._line = line
        self._key = keys.edge_alive(edge_id)
        self._heartbeat_s = heartbeat_s
        self._ttl_ms = int(ttl_s * 1000)
        self._owes_word = owes_word

    def beat(self) -> None:
        """Say it once, unless something is to be told first. Never waits."""
        if self._line.connected and not self._owes_word():
            self._line.send("SET", self._key, "1", "PX", self._ttl_ms)

    async def keep_beating(self) -> None:
        """Say it for ever. That this runs proves that the event loop is alive."""
        while True:
            self.beat()
            await asyncio.sleep(_SOON_S if self._owes_word() else self._heartbeat_s)

    def end(self) -> None:
        """Its calls are waited for by nobody from now on. Never waits."""
        if self._line.connected:
            self._line.send("DEL", self._key)
