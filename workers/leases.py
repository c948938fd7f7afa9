"""Leases of the calls that this worker runs: held, renewed together, and noticed when they are lost."""

import asyncio
import time
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

    __slots__ = (
        "call",
        "claimed",
        "deadline",
        "dispatched",
        "doubtful",
        "epoch",
        "in_transit",
        "lost",
        "stopped",
        "task",
        "unwanted",
        "valid_until",
    )

    def __init__(self, claimed: Claimed, call: ToolCall, deadline: float, task: asyncio.Task[None]) -> None:
        self.claimed = claimed
        self.call = call
        self.deadline = deadline
        """Loop time."""
        self.task = task
        self.valid_until = claimed.valid_until
        """Loop time until which nobody else can have taken the call over."""
        self.epoch = claimed.epoch
        """The broker's run id when it last said that the lease is ours."""
        self.doubtful = False
        """Whether another worker may have taken the call over, and a restart of the broker have forgotten that."""
        self.lost = False
        """Whether another worker has taken the call over."""
        self.in_transit = False
        """Whether the job may be on its way to another worker: its lease is not taken up again then."""
        self.dispatched = False
        """Whether it may have been sent to the upstream in this run."""
        self.stopped: Stop | None = None
        self.unwanted = False
        """Whether the client has cancelled the call, which may run to its end nevertheless."""

    @property
    def committed(self) -> bool:
        """Whether stopping now would leave a write behind whose outcome nobody knows."""
        return self.dispatched and self.call.access == "write"

    def stands(self) -> bool:
        """Whether the call surely is ours now, and has time. By the clock itself: the loop's time may be that of the moment
        before this process was stopped."""
        return time.monotonic() < min(self.valid_until, self.deadline)

    def confirm(self, asked_at: float, valid_until: float, epoch: str) -> None:
        """The broker says that the lease is ours. Where it has been so all the time is not known across a restart."""
        self.doubtful |= epoch != self.epoch and asked_at >= self.valid_until
        self.epoch, self.lost = epoch, False
        self.valid_until = max(self.valid_until, valid_until)

    def stop(self, why: Stop) -> None:
        """Stop the call. A dispatched write is stopped neither by a wish nor because another worker has to answer for it:
        it runs to its end, so that somebody knows what became of it."""
        self.unwanted |= why is Stop.CANCELLED
        if self.stopped is not None or (self.committed and why in (Stop.CANCELLED, Stop.LEASE_LOST)):
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
        """Renew all leases in one step, take up those again that ran out and that nobody took over, and stop the calls
        whose lease is lost. Lost is what the broker says is lost: while it can't be asked, nothing is stopped."""
        now = asyncio.get_running_loop().time()
        current = [lease for lease in self._held.values() if _may_be_renewed(lease, now)]
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
                lease.confirm(now, now + self._lease_s, self._line.epoch)
            elif self._held.get(lease.claimed.job_id) is lease and not (lease.lost or lease.in_transit):
                log.warning("lease lost", call_id=lease.call.call_id)
                lease.lost = True
                lease.stop(Stop.LEASE_LOST)


def _may_be_renewed(lease: Lease, now: float) -> bool:
    return now < lease.deadline + _GRACE_S and lease.stopped is not Stop.LEASE_LOST and not lease.in_transit
