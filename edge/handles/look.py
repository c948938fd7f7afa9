"""How the call behind a record stands: one look at what the broker keeps of it."""

import asyncio

import structlog
from redis.exceptions import ResponseError

from edge.handles.store import HandleStore
from edge.handles.waited import Waited, wait_again
from edge.relay import Relay
from edge.running import GRACE_S
from shared import keys
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable
from shared.handles import Handle
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.queue import cancel
from shared.settings import Settings

log = structlog.get_logger()


class Look:
    """Looks."""

    def __init__(
        self, store: HandleStore, relay: Relay, line: RedisLine, ring: KeyRing, clock: BrokerClock, settings: Settings
    ) -> None:
        self._store = store
        self._relay = relay
        self._line = line
        self._ring = ring
        self._clock = clock
        self._events_max = settings.call_events_max

    async def at(self, handle: Handle, meta: dict[str, object] | None = None) -> Waited | None:
        """The call, with its end if it is over; None where it was over so long ago that nobody knows any more.

        What was said before now is passed over. `meta`: of the request that waits. Raises BrokerUnavailable.
        """
        waited = wait_again(handle, self._clock, meta or {}, self._events_max)
        try:
            await self._relay.read_copy(waited.waiter)
        except ResponseError as cause:
            raise BrokerUnavailable("The broker can't tell how the call stands.", retry_after_s=2) from cause
        while waited.waiter.take() is not None:
            pass
        if waited.waiter.final is None and self._clock.now_ms() > self._store.kept_until_ms(handle) + GRACE_S * 1000:
            return None
        return waited

    def is_late(self, waited: Waited) -> bool:
        """Whether its time is over, and its worker's time to say so."""
        return asyncio.get_running_loop().time() >= waited.late_at

    async def ended_ms(self, handle: Handle) -> int:
        """When its call ended, as far as that can be told from how long its end is still kept; else when it was started."""
        final = keys.final(keys.job_id(handle.group, handle.call.call_id))
        try:
            left_ms = int(await self._line.cmd("PTTL", final))
        except (BrokerUnavailable, ResponseError):
            return handle.updated_ms
        kept_ms = self._store.result_ttl_ms
        return self._clock.now_ms() - (kept_ms - left_ms) if 0 < left_ms <= kept_ms else handle.updated_ms

    async def cancel(self, handle: Handle) -> None:
        """Stop it as far as it can be stopped. Raises BrokerUnavailable."""
        try:
            await cancel(
                self._line,
                self._ring,
                handle.group,
                handle.call,
                self._clock.now_ms(),
                same=handle.reattach,
                role=self._relay.edge_id,
                result_ttl_ms=self._store.result_ttl_ms,
            )
        except ResponseError as cause:
            raise BrokerUnavailable("The broker did not take the cancel.", retry_after_s=2) from cause
