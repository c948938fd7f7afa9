"""Requests of this worker's running calls for further calls: sent, sent again where nothing is heard, and answered.

What an edge has taken may die with it, and what it answers may be lost on the channel; so a request is sent again after
`inner_quiet_s` without a sign, and after each new subscription. That makes no second call: edges know it again.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.clock import BrokerClock
from shared.codec import AnyMessage, open_envelope, seal, unseal
from shared.errors import BrokerUnavailable, Cancelled, ForgedMessage, OutcomeUnknown, QueueFull
from shared.functions import fcall
from shared.inner import NOT_COMMITTED, InnerBody, InnerCancel, InnerRequest, InnerResult, InnerSign
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings
from workers.inner.inner import RunInner
from workers.inner.pending import NEVER, Pending
from workers.leases import Lease, Stop
from workers.publishing import Publisher
from workers.run import Run

log = structlog.get_logger()

_LOOKS_PER_QUIET = 5


class Asking:
    """All that the running calls of this worker have asked and not heard of."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        publisher: Publisher,
        groups: Iterable[str],
        worker_id: str,
        settings: Settings,
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._publisher = publisher
        self._groups = {keys.inner_channel(group, worker_id): group for group in groups}
        self._worker_id = worker_id
        self._quiet_s = settings.inner_quiet_s
        self._depth_max = settings.inner_depth_max
        self._ttl_ms = int(settings.inner_age_s_max * 1000)
        self.open: dict[tuple[str, int], Pending] = {}
        """What has no answer, by parent and ordinal."""
        self._runs: dict[str, RunInner] = {}
        self._fetches: set[asyncio.Task[None]] = set()

    @property
    def channels(self) -> list[str]:
        """The channels to listen on."""
        return list(self._groups)

    @contextmanager
    def of(self, run: Run) -> Iterator[RunInner | None]:
        """What a run asks with, where its call may make further ones; what has no answer at its end is cancelled."""
        if not run.call.grant:
            yield None
            return
        inner = RunInner(run, self, self._worker_id)
        self._runs[run.claimed.job_id] = inner
        try:
            yield inner
        finally:
            if self._runs.get(run.claimed.job_id) is inner:
                del self._runs[run.claimed.job_id]
            if (ordinals := inner.close()) and not _goes_on_elsewhere(run.lease):
                self._cancel(run, ordinals)

    def dismiss(self, lease: Lease) -> None:
        """The client has cancelled the call. One that is marked is not stopped by that, but makes no further calls."""
        inner = self._runs.get(lease.claimed.job_id)
        if inner is not None and inner.run.lease is lease:
            inner.end(Cancelled("The call was cancelled; it makes no further calls."))

    async def ask(self, run: Run, request: InnerRequest) -> InnerResult:
        """The answer to a request. Waits for as long as the call has time; ended by its cancellation. Raises OutcomeUnknown
        where the call is another worker's now, and may have changed something."""
        loop = asyncio.get_running_loop()
        pending = Pending(run, request, loop.create_future(), loop.time())
        self.open[pending.name] = pending
        try:
            await self._send(pending)
            return await pending.answer
        finally:
            if self.open.get(pending.name) is pending:
                del self.open[pending.name]

    async def keep_asking(self) -> None:
        """Send again for ever what nothing was heard of."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._quiet_s / _LOOKS_PER_QUIET)
            quiet_since = loop.time() - self._quiet_s
            await self._send_all(p for p in self.open.values() if p.heard_at < quiet_since)

    async def on_subscribed(self) -> None:
        """The channel may have lost answers: everything is asked again."""
        await self._send_all(self.open.values())

    def on_message(self, channel: str, data: bytes) -> None:
        """Take an answer or a sign; refuse, count and record what is not one of our messages."""
        group = self._groups[channel]
        try:
            found, message = open_envelope(self._ring, data)
            if found != group:
                raise ForgedMessage(f"the message is signed for group {found!r}, not for {group!r}")
            self._hear(group, message)
        except ForgedMessage as forged:
            self._publisher.note_refusal("inner", forged.detail)

    def _hear(self, group: str, message: AnyMessage) -> None:
        if isinstance(message, InnerSign):
            now = asyncio.get_running_loop().time()
            for ordinal in message.ordinals:
                if (pending := self.open.get((message.parent, ordinal))) is not None:
                    pending.heard_at = now
        elif isinstance(message, InnerResult):
            pending = self.open.get((message.parent, message.ordinal))
            if pending is None:
                return  # answered already, or not wanted any more
            if pending.run.group != group:
                raise ForgedMessage("the answer is for a call of another group")
            if message.code == NOT_COMMITTED and pending.request.committed:
                return  # the answer to what was asked before the mark
            if message.stored:
                self._begin(self._fetch(pending, message))
            else:
                pending.settle(message)
        else:
            raise ForgedMessage("what came over the channel for inner calls is something else")

    def _begin(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)

    async def _fetch(self, pending: Pending, result: InnerResult) -> None:
        """Take a body from where it is stored. Where it is not there (any more) the request is sent again."""
        pending.heard_at = asyncio.get_running_loop().time()
        try:
            raw = await self._line.cmd("GET", keys.inner_body(pending.run.group, result.call_id))
            if raw is None:
                pending.heard_at = NEVER
                return
            stored = unseal(self._ring, pending.run.group, raw, InnerBody)
            if stored.call_id != result.call_id:
                raise ForgedMessage("the body lies under another call's id")
            pending.settle(msgspec.structs.replace(result, body=stored.body, stored=False))
        except ForgedMessage as forged:
            self._publisher.note_refusal("inner", forged.detail, call_id=result.call_id)
            pending.heard_at = NEVER
        except (BrokerUnavailable, ResponseError) as error:
            log.debug("inner result not read", reason=type(error).__name__)
            pending.heard_at = NEVER

    async def _send_all(self, wanted: Iterable[Pending]) -> None:
        await asyncio.gather(*(self._send(pending) for pending in list(wanted)))

    async def _send(self, pending: Pending) -> None:
        """Ask for it now, if the call surely is this worker's; else it waits until that is known."""
        if pending.answer.done() or not self._may_ask(pending):
            return
        now = asyncio.get_running_loop().time()
        if not pending.sent:
            pending.request = msgspec.structs.replace(pending.request, epoch=self._line.epoch)
        request = msgspec.structs.replace(pending.request, again=pending.sent, at_ms=self._clock.now_ms())
        pending.sent, pending.heard_at = True, now
        try:
            sealed = seal(self._ring, pending.run.group, request)
            taken = await fcall(self._line, "ask", (keys.INNER,), sealed, self._depth_max, self._ttl_ms)
        except (BrokerUnavailable, ResponseError) as error:
            log.debug("inner call not asked for", call_id=request.parent, reason=type(error).__name__)
            pending.heard_at = NEVER
            return
        if taken == 1:
            pending.taken = True
            return
        pending.heard_at = NEVER
        if not pending.taken and now - pending.asked_at > self._quiet_s and not pending.answer.done():
            pending.settle(_full(request))

    def _may_ask(self, pending: Pending) -> bool:
        """Whether a call may ask. One that is another worker's, or may be, is told so if it has changed something: what
        else it would change nobody would hear of."""
        lease = pending.run.lease
        if lease.committed and (lease.lost or lease.doubtful):
            pending.answer.set_exception(
                OutcomeUnknown(
                    "Another worker may have taken the call over after it had begun to change something. Check what it did "
                    "before you call again."
                )
            )
            return False
        return lease.stopped is None and not lease.lost and lease.stands()

    def _cancel(self, run: Run, ordinals: tuple[int, ...]) -> None:
        message = InnerCancel(grant=run.call.grant, parent=run.call.call_id, ordinals=ordinals, at_ms=self._clock.now_ms())
        self._line.send("PUBLISH", keys.INNER_CANCELS, seal(self._ring, run.group, message))


def _goes_on_elsewhere(lease: Lease) -> bool:
    """Whether another worker runs the call again, and wants the same calls."""
    return lease.stopped in (Stop.LEASE_LOST, Stop.SHUTDOWN) and not lease.committed


def _full(request: InnerRequest) -> InnerResult:
    return InnerResult(
        parent=request.parent,
        ordinal=request.ordinal,
        code=QueueFull.code,
        detail="As many calls of scripts wait for an edge as may. Try again shortly.",
    )
