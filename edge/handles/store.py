"""The records behind handles and tasks, in Redis: one for each call that was answered before it was over.

Only the principal that made the call finds its record. A record that is changed by what it says is changed under a lock, so
that two edges never go on with one task twice.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from redis.exceptions import ResponseError

from edge.sessions.records import Records
from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import BrokerUnavailable
from shared.functions import fcall
from shared.handles import Handle
from shared.identity import Principal, share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings

_CALL_ID = re.compile(r"[0-9a-f]{32}")
_LOCK_MS = 10_000
"""Longer than everything that is done under it may take."""
_LOCK_WAIT_S = 3.0
_LOCK_LOOK_S = 0.02


class HandleStore:
    """Keeps and finds them."""

    def __init__(
        self, line: RedisLine, ring: KeyRing, clock: BrokerClock, settings: Settings, *, refused: Callable[[str, str], None]
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._records = Records(ring, refused=refused, kind="handle")
        self.result_ttl_ms = int(settings.result_ttl_s * 1000)

    async def put(self, handle: Handle) -> None:
        """Keep a record until its call's time is over, and as long as a result is kept. Raises BrokerUnavailable."""
        life_ms = max(handle.call.deadline_ms - self._clock.now_ms(), 0) + self.result_ttl_ms
        try:
            await self._line.cmd("SET", keys.handle(handle.call_id), seal(self._ring, "edge", handle), "PX", life_ms)
        except ResponseError as cause:
            raise BrokerUnavailable("The broker did not keep the call's handle.", retry_after_s=2) from cause

    async def find(self, call_id: object, principal: Principal) -> Handle | None:
        """The record of a call, or None: there is none, or it is another principal's. Raises BrokerUnavailable."""
        if not isinstance(call_id, str) or not _CALL_ID.fullmatch(call_id):
            return None
        handle = await self._records.read(self._line.cmd("GET", keys.handle(call_id)), Handle)
        if handle is None or handle.call_id != call_id or share_of(handle.call.principal) != share_of(principal):
            return None
        return handle

    def kept_until_ms(self, handle: Handle) -> int:
        """Until when there certainly is an answer to how its call went, in Unix milliseconds by the broker's clock."""
        return max(handle.updated_ms + self.result_ttl_ms, handle.call.deadline_ms)

    def use_up(self, handle: Handle) -> None:
        """The outcome was delivered: the same call, sent again, is a new one, unless a key of the client's own says
        otherwise. The record stays: to read a result twice is harmless. Never waits."""
        if handle.reattach and not handle.own_key:
            self._line.send("HDEL", handle.reattach, keys.job_id(handle.group, handle.call_id))

    @asynccontextmanager
    async def changing(self, call_id: str) -> AsyncIterator[None]:
        """Hold the lock on a record, over all edges. Raises BrokerUnavailable, also where another request holds it."""
        key, token = f"{keys.handle(call_id)}:lock", secrets.token_hex(8)
        until = asyncio.get_running_loop().time() + _LOCK_WAIT_S
        while await self._take(key, token) != [1]:
            if asyncio.get_running_loop().time() >= until:
                raise BrokerUnavailable("Another request is changing this task. Try again shortly.", retry_after_s=1)
            await asyncio.sleep(_LOCK_LOOK_S)
        try:
            yield
        finally:
            with suppress(BrokerUnavailable, ResponseError):
                await fcall(self._line, "yield", (key,), token)

    async def _take(self, key: str, token: str) -> object:
        try:
            return await fcall(self._line, "keep", (key,), token, _LOCK_MS)
        except ResponseError as cause:
            raise BrokerUnavailable("The broker can't take this now.", retry_after_s=2) from cause
