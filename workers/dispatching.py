"""dispatch: the leave to act, asked for immediately before the first byte that may have an effect leaves.

For a write the broker keeps the mark that it may have happened, and the audit its intent, before it is sent; both are bound
to the lease. What no fencing can prevent is in docs/guarantees.md: a process that is stopped between the last look and the
socket.
"""

import asyncio
import time
from typing import Final, NoReturn

import structlog
from redis.exceptions import ResponseError

from shared import failpoints, keys
from shared.audit import call_record
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable, OutcomeUnknown
from shared.functions import fcall
from shared.line import RedisLine
from shared.settings import Settings
from workers.leases import Lease, Stop

log = structlog.get_logger()

_AGAIN_S: Final = 0.2
_TIME_IS_OVER: Final = -1


class Dispatching:
    """Gives calls the leave to act."""

    def __init__(self, line: RedisLine, clock: BrokerClock, worker_id: str, settings: Settings) -> None:
        self._line = line
        self._clock = clock
        self._worker_id = worker_id
        self._lease_s = settings.lease_s

    async def dispatch(self, lease: Lease) -> None:
        """Make sure that this worker may act for the call now; for a write, mark that it may have happened.

        Waits while the broker is away, for as long as the call has time: nothing is sent meanwhile. Raises OutcomeUnknown
        where a restart of the broker may have made it forget that another worker sent it, BrokerUnavailable where the call
        is not ours any more (it is stopped then).
        """
        failpoints.reached("worker.before_dispatch")
        if lease.call.access == "write":
            await self._ask(lease)
        failpoints.reached("worker.after_dispatch")
        while not lease.stands():  # this process, or the broker, was away for a whole lease
            await self._ask(lease)
        lease.dispatched = True

    async def withdraw(self, lease: Lease) -> None:
        """What was sent had no effect. Where the mark of a write can't be taken back it stays: the call then counts as one
        that may have happened."""
        marked, lease.dispatched = lease.committed, False
        if not marked:
            return
        jid = lease.claimed.job_id
        try:
            await fcall(self._line, "withdraw", (keys.lease(jid), keys.dispatched(jid)), lease.claimed.owner, jid)
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("mark not withdrawn", job=jid, reason=type(error).__name__)

    async def _ask(self, lease: Lease) -> None:
        """Ask the broker whether the call is still ours, until it says so."""
        while True:
            asked_at = time.monotonic()
            if asked_at >= lease.deadline:
                await _refuse(lease, Stop.DEADLINE)
            try:
                answer = await (self._mark(lease) if lease.call.access == "write" else self._renew(lease))
                break
            except BrokerUnavailable:
                await asyncio.sleep(_AGAIN_S)
        if answer != 1:
            await _refuse(lease, Stop.DEADLINE if answer == _TIME_IS_OVER else Stop.LEASE_LOST)
        lease.confirm(asked_at, asked_at + self._lease_s, self._line.epoch)
        if lease.doubtful and lease.call.access == "write":
            raise OutcomeUnknown(
                "The broker was restarted while the call was on its way, and may have forgotten that another worker sent "
                "it. It may have taken effect: check before you call again."
            )

    async def _mark(self, lease: Lease) -> int:
        """Gives 1, 0 (the lease is lost) or -1 (the call's time is over, by the broker's clock)."""
        call, claimed = lease.call, lease.claimed
        jid = claimed.job_id
        now_ms = self._clock.now_ms()
        answer: int = await fcall(
            self._line,
            "dispatch",
            (keys.lease(jid), keys.dispatched(jid), keys.AUDIT_STREAM),
            claimed.owner,
            jid,
            int(self._lease_s * 1000),
            max(call.deadline_ms - now_ms, 0) + keys.MARK_TTL_EXTRA_S * 1000,
            call_record(call, "intent", "dispatched", self._worker_id, now_ms, fence=claimed.fence),
            keys.AUDIT_STREAM_MAX,
            call.deadline_ms,
        )
        return answer

    async def _renew(self, lease: Lease) -> int:
        claimed = lease.claimed
        lost = await fcall(self._line, "renew", (), int(self._lease_s * 1000), claimed.queue, claimed.job_id, claimed.owner)
        return 0 if lost else 1


async def _refuse(lease: Lease, why: Stop) -> NoReturn:
    """End a call that may not act (any more)."""
    lease.dispatched = False  # what was sent before had no effect, else it would not be sent again
    lease.stop(why)
    await asyncio.sleep(0)  # the cancellation arrives here
    raise BrokerUnavailable("The call may not act any more; nothing was sent.")
