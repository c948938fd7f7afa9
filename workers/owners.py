"""Upstream sessions that belong to somebody (`affinity`): which owners this worker holds, as leases in the broker.

All calls of an owner are run by the worker that holds it. The lease lives as long as the worker and as its owner calls now
and then; another worker takes an owner over when its holder is gone, and the client is told.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.errors import BrokerUnavailable
from shared.functions import fcall
from shared.identity import share_of
from shared.line import RedisLine
from shared.messages import ToolCall
from shared.settings import Settings
from workers.claimed import Claimed, mark_ms

log = structlog.get_logger()

_MEMORY_MS: Final = keys.HOLDER_MEMORY_S * 1000


class Hold(Enum):
    """What came of the wish to hold an owner; the values are those of the function `hold`."""

    LEASE_LOST = -1
    MOVED = 0
    """Another worker holds it, and has the job now."""
    KEPT = 1
    FIRST = 2
    TAKEN_OVER = 3
    """Another worker held it before, or this one did and let go."""


@dataclass(slots=True)
class _Owner:
    calls: int = 0
    used_at: float = 0.0
    untold: bool = False
    """Whether its client is still to be told that the session is a new one."""


class Owners:
    """The owners that this worker holds, the longest idle first."""

    def __init__(self, line: RedisLine, worker_id: str, settings: Settings) -> None:
        self._line = line
        self.worker_id = worker_id
        self._hold_ms = int(settings.lease_s * 1000)
        self._mark_ms = mark_ms(settings)
        self._renew_s = settings.lease_renew_s
        self._owners_max = settings.upstream_owners_max
        self._idle_s = settings.upstream_owner_idle_s
        self._held: OrderedDict[str, _Owner] = OrderedDict()

    async def hold(self, call: ToolCall, claimed: Claimed) -> Hold:
        """Hold the owner of a call for as long as the call runs, or have the job moved to who does.

        After KEPT, FIRST and TAKEN_OVER, `release` is to be called. Raises BrokerUnavailable.
        """
        group, _, _ = claimed.job_id.partition(".")
        name = keys.holder(group, call.backend, call.owner)
        found = Hold(
            await fcall(
                self._line,
                "hold",
                (
                    name,
                    keys.holders(group, call.backend, call.owner),
                    keys.lease(claimed.job_id),
                    claimed.queue,
                ),
                self.worker_id,
                self._hold_ms,
                _MEMORY_MS,
                claimed.job_id,
                claimed.owner,
                share_of(call.principal),
                keys.QUEUE_TTL_S * 1000,
                self._mark_ms,
            )
        )
        if found in (Hold.MOVED, Hold.LEASE_LOST):
            return found
        owner = self._held.setdefault(name, _Owner())
        owner.calls += 1
        if owner.untold:
            owner.untold = False
            found = Hold.TAKEN_OVER
        self._held.move_to_end(name)
        if len(self._held) > self._owners_max:
            with suppress(BrokerUnavailable, ResponseError):  # else its lease runs out
                await self._yield([next((n for n, o in self._held.items() if o.calls == 0), "")])
        return found

    def release(self, group: str, call: ToolCall, *, untold: bool) -> None:
        """The call is over; its owner stays held until it is idle for long. `untold`: it had to tell that the session is a
        new one and has no result to tell it with, so that the next call has to."""
        owner = self._held.get(keys.holder(group, call.backend, call.owner))
        if owner is not None:
            owner.calls -= 1
            owner.used_at = asyncio.get_running_loop().time()
            owner.untold |= untold

    async def keep_held(self) -> None:
        """Renew the leases for ever, and let go of the idle ones."""
        while True:
            await asyncio.sleep(self._renew_s)
            try:
                await self.renew()
            except (BrokerUnavailable, ResponseError) as error:
                log.warning("owners not renewed", owners=len(self._held), reason=type(error).__name__)

    async def renew(self) -> None:
        """Once. Raises BrokerUnavailable."""
        idle_since = asyncio.get_running_loop().time() - self._idle_s
        await self._yield([n for n, o in self._held.items() if o.calls == 0 and o.used_at < idle_since])
        names = list(self._held)
        if not names:
            return
        kept = await fcall(self._line, "keep", names, self.worker_id, self._hold_ms)
        for name, mine in zip(names, kept, strict=True):
            if not mine and self._held.pop(name, None) is not None:
                log.warning("owner lost to another worker", holder=name)

    async def let_go(self) -> None:
        """Let go of all: other workers take the next calls at once."""
        with suppress(BrokerUnavailable, ResponseError):  # else the leases run out
            await self._yield(list(self._held))

    async def _yield(self, names: list[str]) -> None:
        gone = [name for name in names if self._held.pop(name, None) is not None]
        if gone:
            await fcall(self._line, "yield", gone, self.worker_id)
