"""listen → enqueue: how a request becomes a call on its way, and how it is given up."""

import asyncio
from collections.abc import Callable

import msgspec
import structlog
from redis.exceptions import ResponseError

from edge.directory import Directory
from edge.draft import Drafts
from edge.exchange import Exchange
from edge.http_connection import client_is_gone
from edge.outgoing import Outgoing
from edge.recorder import Recorder
from edge.relay import Relay
from edge.running import Running
from edge.sameness import same_as
from edge.waiter import Waiter
from shared import failpoints, keys
from shared.clock import BrokerClock
from shared.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    Cancelled,
    DeadlineExceeded,
    MeshError,
    OutcomeUnknown,
)
from shared.identity import share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import ToolCall
from shared.outcome import check_of
from shared.queue import NEVER_THE_SAME, Gone, LongUnderWay, Same, StillWaited, cancel, enqueue, limits_of
from shared.settings import Settings

log = structlog.get_logger()


_AGAIN_S = 5.0
"""How long a broker that went away while a call was put on its queue is waited for, to learn whether it got there."""
_LOOK_S = 0.05
_MARGIN_S = 0.5
_DELAYS_MAX = 5
"""How often a write that took too long to the broker is sent anew."""


class Calls:
    """Starts calls, joins those that run, and ends those that nobody waits for."""

    def __init__(
        self,
        directory: Directory,
        relay: Relay,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        settings: Settings,
        recorder: Recorder,
        *,
        in_touch: Callable[[], bool],
        hand_after_s: Callable[[Exchange, Outgoing], float | None],
    ) -> None:
        """`in_touch` tells whether the broker answers and speaks: without it silence of workers means nothing.
        `hand_after_s`: when a request is to be answered without the end of its call. Raises InvalidParams."""
        self._recorder = recorder
        self._in_touch = in_touch
        self._hand_after_s = hand_after_s
        self._directory = directory
        self._relay = relay
        self._line = line
        self._ring = ring
        self._clock = clock
        self.drafts = Drafts(directory.served, line, ring, relay.edge_id, settings)
        self._events_max = settings.call_events_max
        self._back_s = settings.heartbeat_ttl_s
        """After a connect to the broker the other edges may still be on their way to it, for so long; and an edge that is
        not heard of for so long is gone."""
        self.limits = limits_of(settings)
        self.waited_for: dict[str, Running] = {}
        """The calls that this edge has put on their queues, by call id."""

    async def start(self, exchange: Exchange, outgoing: Outgoing) -> Running:
        """Register who waits for a request, and put it on its queue, or join the same call. Raises MeshError."""
        self._check_in_touch()
        self._check_live(outgoing.backend)
        hand_after_s = self._hand_after_s(exchange, outgoing)
        same = same_as(exchange, outgoing)
        now_ms = self._clock.now_ms()
        call = self.drafts.make(exchange, outgoing, now_ms)
        running = await self._begin(call, outgoing, same, now_ms)
        if hand_after_s is not None:
            running.hand_at = asyncio.get_running_loop().time() + hand_after_s
        return running

    async def resend(self, outgoing: Outgoing, call: ToolCall) -> Running:
        """Put a call of the past on its queue as a new one, with an id and a time of its own. Raises MeshError."""
        now_ms = self._clock.now_ms()
        anew = self.drafts.anew(call, now_ms)
        return await self._begin(anew, outgoing, NEVER_THE_SAME, now_ms)

    async def start_inner(self, outgoing: Outgoing, call: ToolCall, *, known: bool) -> Running:
        """Put a call of a running call on its queue. `known`: another edge may have done so; then its events go there, and
        what was said and is kept is read. Raises MeshError."""
        self._check_in_touch()
        if not known:
            self._check_live(outgoing.backend)
        running = await self._begin(call, outgoing, NEVER_THE_SAME, self._clock.now_ms())
        if known:
            reading = self._relay.read_until_over(running.waiter)
            running.reader = asyncio.get_running_loop().create_task(reading)
        return running

    def _check_in_touch(self) -> None:
        if not self._in_touch():
            raise BrokerUnavailable("The mesh's broker can't be reached. Try again shortly.", retry_after_s=2)

    def _check_live(self, backend: str) -> None:
        if not self._directory.is_live(backend):
            raise BackendUnavailable(
                f"No worker serves backend {backend!r} now; nothing was started. Try again in a moment."
            )

    async def _begin(self, call: ToolCall, outgoing: Outgoing, same: Same, now_ms: int) -> Running:
        waiter = self._relay.listen(call.call_id, outgoing.group, outgoing.backend)
        running = Running(call, outgoing, waiter, self._clock.monotonic_of(call.deadline_ms), same)
        try:
            failpoints.reached("edge.before_enqueue")
            call_id = await self._enqueue(outgoing.group, call, now_ms, same)
            failpoints.reached("edge.after_enqueue")
        except BaseException:
            self._relay.forget(waiter)
            raise
        if call_id != call.call_id:
            self._relay.forget(waiter)
            return await self._join(running, call_id)
        running.findable = same.how in ("keep", "own")
        self.waited_for[call.call_id] = running
        return running

    async def _join(self, running: Running, call_id: str) -> Running:
        """Wait for an earlier sending's call. Its events go, or went, to another edge: the durable copy is read."""
        call, group = running.call, running.outgoing.group
        in_flight = keys.in_flight(group, call.backend, share_of(call.principal))
        deadline_ms = await self._line.cmd("ZSCORE", in_flight, keys.job_id(group, call_id))
        running.call = call = msgspec.structs.replace(
            call, call_id=call_id, deadline_ms=int(float(deadline_ms or self._clock.now_ms()))
        )
        running.deadline = self._clock.monotonic_of(call.deadline_ms)
        running.waiter = Waiter(call_id, group, call.backend, self._events_max)
        running.attached = running.findable = True
        running.reader = asyncio.get_running_loop().create_task(self._relay.read_until_over(running.waiter))
        log.info("call joined", call_id=call_id, backend=call.backend, tool=call.tool)
        return running

    async def _enqueue(self, group: str, call: ToolCall, now_ms: int, same: Same) -> str:
        loop = asyncio.get_running_loop()
        began = loop.time()
        delays = 0
        while True:
            if call.access != "read" and client_is_gone():
                # This process may have been stopped with the request in its hands: whoever sent it may have sent it to
                # another edge since, where it is a call that somebody waits for.
                raise Cancelled("The client went away before the call was put on its queue. Nothing was started.")
            sent, sent_ms = self._line.connected, self._clock.now_ms()
            gone = self._gone(began, loop.time())
            try:
                return await enqueue(
                    self._line, self._ring, group, call, now_ms, self.limits, same, gone=gone, sent_ms=sent_ms
                )
            except StillWaited:
                await asyncio.sleep(_LOOK_S)
            except LongUnderWay:
                delays += 1
                if delays == _DELAYS_MAX:
                    raise BrokerUnavailable("The mesh's broker answers too slowly.", retry_after_s=2) from None
                await self._clock.measure(self._line)
            except BrokerUnavailable:
                if not sent:
                    raise
                return await self._enqueue_again(group, call, now_ms, same)

    def _gone(self, began: float, now: float) -> Gone:
        """What it takes now, loop time, for another edge to count as gone, in a request that began then."""
        back_at = self._line.connected_at + self._back_s
        if now < back_at:
            return 3
        return 1 if now >= max(began, back_at) + self._back_s + _MARGIN_S else 2

    async def _enqueue_again(self, group: str, call: ToolCall, now_ms: int, same: Same) -> str:
        """Sent and not answered: it may be on the queue. Once more says so, or puts it there; the id makes it one call."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _AGAIN_S
        while loop.time() < until:
            if self._line.connected:
                sent_ms = self._clock.now_ms()
                try:
                    return await enqueue(
                        self._line, self._ring, group, call, now_ms, self.limits, same, gone=1, sent_ms=sent_ms
                    )
                except (BrokerUnavailable, LongUnderWay):
                    pass
            await asyncio.sleep(_LOOK_S)
        if call.access == "write":
            raise OutcomeUnknown(
                "The mesh's broker went away while the call was put on its queue. It may be run when it is back: check "
                "before you call again.",
                data=check_of(call),
            )
        raise BrokerUnavailable("The mesh's broker can't be reached. Try again shortly.", retry_after_s=2)

    async def put_again(self, running: Running) -> None:
        """Put a call that the broker has lost on its queue once more: one that may run twice. Raises MeshError."""
        call = running.call = msgspec.structs.replace(running.call, epoch=self._line.epoch)
        await enqueue(self._line, self._ring, running.outgoing.group, call, self._clock.now_ms(), self.limits)

    def forget(self, running: Running) -> None:
        """Nobody waits for it any more; what runs goes on."""
        if running.reader is not None:
            running.reader.cancel()
        if self.waited_for.get(running.call.call_id) is running:
            self._relay.forget(running.waiter)
            del self.waited_for[running.call.call_id]

    async def stop(self, running: Running) -> None:
        """Nobody wants it any more: what was not started is dropped, of what runs the worker is told."""
        call, now_ms, ttl_ms = running.call, self._clock.now_ms(), self.limits.result_ttl_ms
        role, group = self._relay.edge_id, running.outgoing.group
        try:
            await cancel(self._line, self._ring, group, call, now_ms, role=role, result_ttl_ms=ttl_ms)
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call not cancelled", call_id=call.call_id, reason=type(error).__name__)

    async def give_up(self, running: Running) -> MeshError | None:
        """The deadline has passed: look once more, then say what can be said. None: its end was there after all."""
        late = DeadlineExceeded("The call's time is over and no answer came.")
        try:
            await self._relay.read_copy(running.waiter)
            if running.waiter.final is not None:
                return None
            dropped = await cancel(
                self._line,
                self._ring,
                running.outgoing.group,
                running.call,
                self._clock.now_ms(),
                same=running.same.key,
                role=self._relay.edge_id,
                why=late,
                result_ttl_ms=self.limits.result_ttl_ms,
            )
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call given up without a look", call_id=running.call.call_id, reason=type(error).__name__)
            dropped = False
        answer = late if dropped or running.call.access != "write" else self.unknown(running, late.detail)
        if not dropped:
            self._recorder.answered(running.call, answer.code)
        return answer

    @staticmethod
    def unknown(running: Running, why: str) -> OutcomeUnknown:
        """What is said of a write of which nobody can say more."""
        return OutcomeUnknown(
            f"{why} The write may have taken effect: check before you call again.", data=check_of(running.call)
        )
