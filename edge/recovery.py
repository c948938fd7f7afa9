"""What a restarted broker has lost of an edge's calls: found out, and made good as far as that is harmless.

Workers that run a call take its lease up again by themselves. What has neither job, lease nor result after a while is lost:
a call that may run twice is put on the queue again, a write ends as `outcome_unknown`.
"""

import asyncio
from collections.abc import Iterable

import structlog
from redis.exceptions import ResponseError

from edge.calls import Calls
from edge.recorder import Recorder
from edge.relay import Relay
from edge.running import Running
from shared import keys
from shared.errors import BrokerUnavailable, MeshError
from shared.line import RedisLine
from shared.outcome import failure_of

log = structlog.get_logger()

_MARGIN_S = 1.0
"""Beyond the grace that workers have: they come back as fast as we do."""


class Recovery:
    """Looks after the calls of one edge when the broker was restarted."""

    def __init__(self, calls: Calls, relay: Relay, line: RedisLine, recorder: Recorder, *, grace_s: float) -> None:
        self._recorder = recorder
        self._calls = calls
        self._relay = relay
        self._line = line
        self._grace_s = grace_s + _MARGIN_S
        self._epoch = ""
        self._looking: set[asyncio.Task[None]] = set()

    def on_connect(self) -> None:
        """The broker is there. Nothing is to be done where it is the one that it was."""
        before, self._epoch = self._epoch, self._line.epoch
        if before and before != self._epoch:
            log.warning("the broker was restarted", calls=len(self._calls.waited_for))
            task = asyncio.get_running_loop().create_task(self._look_after(list(self._calls.waited_for.values())))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    async def _look_after(self, running: Iterable[Running]) -> None:
        await asyncio.sleep(self._grace_s)
        for one in running:
            if one.waiter.final is None and one.waiter.call_id in self._calls.waited_for:
                try:
                    await self._look(one)
                except (BrokerUnavailable, ResponseError) as error:
                    log.warning("call not looked up", call_id=one.call.call_id, reason=type(error).__name__)

    async def _look(self, running: Running) -> None:
        await self._relay.read_copy(running.waiter)
        there = await self._line.cmd("EXISTS", keys.job(running.job_id), keys.lease(running.job_id))
        if running.waiter.final is not None or there:
            return
        log.warning("the broker has lost a call", call_id=running.call.call_id, access=running.call.access)
        if running.call.access == "write":
            self._end(running, self._calls.unknown(running, "The mesh's broker was restarted and has lost this call."))
            return
        try:
            await self._calls.put_again(running)
        except MeshError as error:
            self._end(running, error)

    def _end(self, running: Running, error: MeshError) -> None:
        self._recorder.answered(running.call, error.code)
        running.waiter.push(failure_of(running.call, running.waiter.seen + 1, error))

    def close(self) -> None:
        """Stop looking."""
        for task in self._looking:
            task.cancel()
