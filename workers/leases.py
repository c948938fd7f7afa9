"""Leases of the calls that this worker runs: held, renewed together, and noticed when they are lost."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

import structlog
from redis.exceptions import ResponseError

from shared.errors import BrokerUnavailable
from shared.functions import fcall
from shared.line import RedisLine
from shared.messages import ToolCall
from workers.claimed import Claimed

log = structlog.get_logger()

_GRACE_S = 5.0
"""How long after its deadline a call's lease is still renewed: time to say how it ended."""


class Stop(Enum):
    """Why a running call was stopped."""

    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    LEASE_LOST = "lease lost"
    SHUTDOWN = "shutdown"


class Lease:
    """The right to act for one call."""

    __slots__ = ("call", "claimed", "deadline", "dispatched", "stopped", "task", "unwanted", "valid_until")

    def __init__(self, claimed: Claimed, call: ToolCall, deadline: float, task: asyncio.Task[None]) -> None:
        self.claimed = claimed
        self.call = call
        self.deadline = deadline
        """Loop time."""
        self.task = task
        self.valid_until = claimed.valid_until
        self.dispatched = False
        """Whether something that changes the world may have been sent in this run."""
        self.stopped: Stop | None = None
        self.unwanted = False
        """Whether the client has cancelled the call, which may run to its end nevertheless."""

    @property
    def committed(self) -> bool:
        """Whether stopping now would leave a write behind whose outcome nobody knows."""
        return self.dispatched and self.call.access == "write"

    def stop(self, why: Stop) -> None:
        """Stop the call. A dispatched write is not stopped by a wish: it runs to its end, and its result is kept."""
        self.unwanted |= why is Stop.CANCELLED
        if self.stopped is not None or (why is Stop.CANCELLED and self.committed):
            return
        self.stopped = why
        self.task.cancel()


class Leases:
    """All leases of this worker, by job id."""

    def __init__(self, line: RedisLine, *, lease_s: float, renew_s: float) -> None:
        self._line = line
        self._lease_s = lease_s
        self._renew_s = renew_s
        self._held: dict[str, Lease] = {}

    def hold(self, lease: Lease) -> None:
        """Renew this lease from now on."""
        self._held[lease.claimed.job_id] = lease

    def let_go(self, lease: Lease) -> None:
        """Renew it no longer."""
        if self._held.get(lease.claimed.job_id) is lease:
            del self._held[lease.claimed.job_id]

    def find(self, job_id: str) -> Lease | None:
        """The lease of a job that runs here, or None."""
        return self._held.get(job_id)

    def stop_all(self, why: Stop) -> None:
        """Stop everything that runs."""
        for lease in list(self._held.values()):
            lease.stop(why)

    async def keep_renewed(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Renew for ever. That this runs proves that the event loop is alive, which is what a lease says."""
        while True:
            await sleep(self._renew_s)
            await self.renew()

    async def renew(self) -> None:
        """Renew all leases in one step, and stop the calls whose lease is gone."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for lease in list(self._held.values()):
            if now >= lease.valid_until and lease.stopped is None:
                log.warning("lease lost: not renewed in time", call_id=lease.call.call_id)
                lease.stop(Stop.LEASE_LOST)
        current = [x for x in self._held.values() if now < x.deadline + _GRACE_S and x.stopped is not Stop.LEASE_LOST]
        if not current:
            return
        triples = [part for x in current for part in (x.claimed.queue, x.claimed.job_id, x.claimed.owner)]
        try:
            lost = await fcall(self._line, "renew", (), int(self._lease_s * 1000), *triples)
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("leases not renewed", calls=len(current), reason=type(error).__name__)
            return
        gone = {jid.decode() for jid in lost}
        for lease in current:
            if lease.claimed.job_id not in gone:
                lease.valid_until = now + self._lease_s
            elif self._held.get(lease.claimed.job_id) is lease:
                log.warning("lease lost", call_id=lease.call.call_id)
                lease.stop(Stop.LEASE_LOST)
