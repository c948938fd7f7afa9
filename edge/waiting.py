"""Who waits for which call: what the mesh has to know so that the same call, sent again, joins one that lost its waiter,
and none that is still waited for (docs/guarantees.md)."""

import asyncio

import structlog
from redis.exceptions import ResponseError

from edge.running import Running
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.queue import Limits, cancel, lose

log = structlog.get_logger()


class Waiting:
    """Keeps that for the calls of one edge."""

    def __init__(
        self, line: RedisLine, ring: KeyRing, clock: BrokerClock, limits: Limits, edge_id: str, *, grace_s: float
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._limits = limits
        self._edge_id = edge_id
        self._grace_s = grace_s
        self._leaving: set[asyncio.Task[None]] = set()

    def note(self, running: Running) -> None:
        """A call that may run twice has run for a moment: from now on it can be found. Never waits."""
        if running.findable or running.same.how != "look":
            return
        running.findable = True
        self._line.send("HSET", running.same.key, running.job_id, f"w:{self._edge_id}:{self._clock.now_ms()}:")
        self._line.send("PEXPIRE", running.same.key, self._life_ms(running))

    def delivered(self, running: Running) -> None:
        """Its outcome was written to a connection that was open: the same call from now on is a new one. Never waits."""
        if running.findable and running.same.how != "own":
            self._line.send("HDEL", running.same.key, running.job_id)

    async def handed(self, running: Running) -> None:
        """It was answered with a handle: nobody waits for it now. Raises BrokerUnavailable."""
        if running.same.how in ("look", "keep"):
            running.findable = True
            marked = self._line.cmd("HSET", running.same.key, running.job_id, f"o:{self._clock.now_ms()}")
            self._line.send("PEXPIRE", running.same.key, self._life_ms(running))
            await marked

    async def left(self, running: Running, *, cancels: bool) -> None:
        """Its client is gone before it had the outcome. `cancels`: that is how this client cancels (2026 era): what was not
        started is dropped, what was not sent or may run twice is stopped after a while, unless the same call came again.

        A call with a key of the client's own is never cancelled like that: who sends one means to come back.
        """
        same = running.same
        if same.how == "own" or (same.how == "none" and not cancels):
            return
        group, call = running.outgoing.group, running.call
        try:
            if same.how == "none":
                await cancel(self._line, self._ring, group, call, self._clock.now_ms(), role=self._edge_id)
                return
            dropped = await lose(
                self._line,
                self._ring,
                group,
                call,
                self._clock.now_ms(),
                same=same.key,
                drop=cancels,
                role=self._edge_id,
                limits=self._limits,
            )
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("client left unnoticed", call_id=call.call_id, reason=type(error).__name__)
            return
        if cancels and not dropped and running.waiter.final is None:
            task = asyncio.get_running_loop().create_task(self._stop_later(running))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _stop_later(self, running: Running) -> None:
        await asyncio.sleep(self._grace_s)
        group, call, now_ms = running.outgoing.group, running.call, self._clock.now_ms()
        try:
            await cancel(
                self._line,
                self._ring,
                group,
                call,
                now_ms,
                same=running.same.key,
                only_lost=True,
                role=self._edge_id,
                result_ttl_ms=self._limits.result_ttl_ms,
            )
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call not cancelled", call_id=call.call_id, reason=type(error).__name__)

    def close(self) -> None:
        """An edge that ends cancels nothing."""
        for task in self._leaving:
            task.cancel()

    def _life_ms(self, running: Running) -> int:
        return max(running.call.deadline_ms - self._clock.now_ms(), 0) + self._limits.result_ttl_ms
