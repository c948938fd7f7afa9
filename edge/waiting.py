"""Who waits for which call: what the mesh has to know so that the same call, sent again, joins one that lost its waiter,
and none that is still waited for (docs/guarantees.md)."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog
from redis.exceptions import ResponseError

from edge.running import Running
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.queue import Limits, cancel, lose

log = structlog.get_logger()

_AGAIN_S = 0.05
_LOSE_S = 30.0
"""How long it is tried to tell a broker that is away that a client left."""


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
        self._untold = 0

    @property
    def owes_word(self) -> bool:
        """Whether a client left, or has its outcome, and the broker was not told yet. Until it is, this edge gives no sign
        of life: by one it would vouch for what it said before (`find_lost` in shared/lua/queue.lua)."""
        return self._untold > 0

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
            noted = self._line.cmd("HDEL", running.same.key, running.job_id)
            noted.add_done_callback(lambda done: self._see_to(done, running))

    def _see_to(self, done: "asyncio.Future[Any]", running: Running) -> None:
        if done.cancelled() or done.exception() is None:
            return
        self._beside(self._note_delivered(running))

    async def _note_delivered(self, running: Running) -> None:
        """The broker was away: again, until it is noted, or too late to matter."""
        until = asyncio.get_running_loop().time() + self._limits.reattach_ms / 1000
        self._untold += 1
        try:
            while asyncio.get_running_loop().time() < until:
                await asyncio.sleep(_AGAIN_S)
                try:
                    await self._line.cmd("HDEL", running.same.key, running.job_id)
                except BrokerUnavailable:
                    continue
                return
        finally:
            self._untold -= 1

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
        call = running.call
        try:
            if same.how == "none":
                group, now_ms = running.outgoing.group, self._clock.now_ms()
                await cancel(self._line, self._ring, group, call, now_ms, role=self._edge_id)
                return
            dropped = await self._lose(running, drop=cancels)
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("client left unnoticed", call_id=call.call_id, reason=type(error).__name__)
            return
        if cancels and not dropped and running.waiter.final is None:
            self._beside(self._stop_later(running))

    async def _lose(self, running: Running, *, drop: bool) -> bool:
        """Say that it lost its client; while the broker is away, again: else the same call would be a second one."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LOSE_S
        self._untold += 1
        try:
            while True:
                try:
                    return await lose(
                        self._line,
                        self._ring,
                        running.outgoing.group,
                        running.call,
                        self._clock.now_ms(),
                        same=running.same.key,
                        drop=drop,
                        role=self._edge_id,
                        limits=self._limits,
                    )
                except BrokerUnavailable:
                    if loop.time() > until:
                        raise
                await asyncio.sleep(_AGAIN_S)
        finally:
            self._untold -= 1

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
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
