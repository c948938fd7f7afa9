"""publish → record: how a call's events and its end leave the worker.

Every publication is fenced by the lease on the broker: a worker whose lease is gone can neither answer nor record.
"""

import asyncio
from typing import Any
from typing import Final as Constant

import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.audit import Phase, call_record, refused_record
from shared.audit_stream import append_record
from shared.clock import BrokerClock
from shared.codec import frame, seal
from shared.errors import BrokerUnavailable
from shared.functions import fcall, start_fcall
from shared.identity import share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Final, Notice, Progress, Spoken, Stored, ToolCall
from shared.settings import Settings
from workers.claimed import Claimed, Discarded, mark_ms

log = structlog.get_logger()

_REPORTS_MAX: Constant = 256
"""Progress events of one worker that may wait for the broker; more are dropped (a flood is not relayed)."""
_AGAIN_S: Constant = 0.2
_OUTLIVE_MS: Constant = 60_000


class Publisher:
    """Writes events, ends and refusals of one worker."""

    def __init__(self, line: RedisLine, ring: KeyRing, clock: BrokerClock, worker_id: str, settings: Settings) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._worker_id = worker_id
        self._inline_bytes_max = settings.inline_result_bytes_max
        self._result_ttl_ms = int(settings.result_ttl_s * 1000)
        self._letter_ttl_ms = int(settings.dead_letter_ttl_s * 1000)
        self._letters_max = settings.dead_letters_max
        self._mark_ms = mark_ms(settings)
        self._reports = 0
        self.refused = 0
        """Messages that were thrown away because they were forged or replayed."""

    def report(self, group: str, call: ToolCall, claimed: Claimed, seq: int, params: bytes) -> bool:
        """Publish one progress event; gives whether it was taken. Never waits."""
        return self._say(group, call, claimed, Progress(call_id=call.call_id, seq=seq, params=params))

    def notify(self, group: str, call: ToolCall, claimed: Claimed, seq: int, method: str, params: bytes) -> bool:
        """Publish another notification; gives whether it was taken. Never waits."""
        return self._say(group, call, claimed, Notice(call_id=call.call_id, seq=seq, method=method, params=params))

    async def ask(
        self, group: str, call: ToolCall, claimed: Claimed, seq: int, method: str, params: bytes, request_id: str
    ) -> None:
        """Publish a request to the client. Raises BrokerUnavailable; a lost lease is noticed by its renewal."""
        said = Notice(call_id=call.call_id, seq=seq, method=method, params=params, request_id=request_id)
        await fcall(self._line, "report", *self._event(group, call, claimed, said))

    def _say(self, group: str, call: ToolCall, claimed: Claimed, said: Spoken) -> bool:
        if self._reports >= _REPORTS_MAX or not self._line.connected:
            return False
        self._reports += 1
        future = start_fcall(self._line, "report", *self._event(group, call, claimed, said))
        future.add_done_callback(self._reported)
        return True

    def _event(self, group: str, call: ToolCall, claimed: Claimed, said: Spoken) -> tuple[Any, ...]:
        """Keys and arguments of the function `report`."""
        event = seal(self._ring, group, said)
        jid = claimed.job_id
        return (
            (keys.lease(jid), keys.events(jid)),
            claimed.owner,
            event,
            frame(event),
            keys.reply_channel(call.reply),
            keys.EVENTS_TTL_S * 1000,
            keys.EVENTS_MAX,
        )

    def _reported(self, future: asyncio.Future[int]) -> None:
        self._reports -= 1
        if not future.cancelled() and (error := future.exception()) is not None:
            log.debug("progress not published", reason=type(error).__name__)

    async def finish(
        self,
        group: str,
        call: ToolCall,
        claimed: Claimed,
        final: Final,
        code: str,
        started: float,
        *,
        set_aside: bool = False,
    ) -> bool:
        """Store, publish and record the end of a call, and take it off its queue, in one fenced step.

        `set_aside`: and keep the job as a dead letter. Gives whether it was this run that ended the call.

        While the broker is away this is tried again: the fence makes that safe, and a lost answer would be a lost call.
        """
        loop = asyncio.get_running_loop()
        now_ms = self._clock.now_ms()
        message = seal(self._ring, group, final)
        published = message
        if len(message) > self._inline_bytes_max:
            notice = Stored(call_id=final.call_id, backend=final.backend, seq=final.seq)
            published = seal(self._ring, group, notice)
        record = self._record(call, claimed, "outcome", code, started)
        life_ms = max(self._result_ttl_ms, call.deadline_ms - now_ms + _OUTLIVE_MS)
        give_up = loop.time() + life_ms / 1000
        while True:
            try:
                done = await self._finish_once(call, claimed, message, frame(published), life_ms, record, set_aside)
                break
            except BrokerUnavailable:
                if loop.time() > give_up:
                    log.error("result lost: the broker stayed away", call_id=call.call_id)
                    return False
                await asyncio.sleep(_AGAIN_S)
        if not done:
            log.warning("fenced out: another run answers this call", call_id=call.call_id)
        return done

    async def note_late(self, call: ToolCall, claimed: Claimed, code: str, started: float) -> None:
        """Record what became of a write for which another worker had to answer meanwhile, without knowing it."""
        record = self._record(call, claimed, "late", code, started)
        try:
            await append_record(self._line, record)
        except (BrokerUnavailable, ResponseError) as error:
            log.error("late outcome not recorded", call_id=call.call_id, code=code, reason=type(error).__name__)

    def _record(self, call: ToolCall, claimed: Claimed, phase: Phase, code: str, started: float) -> bytes:
        duration_ms = int((asyncio.get_running_loop().time() - started) * 1000)
        now_ms = self._clock.now_ms()
        return call_record(call, phase, code, self._worker_id, now_ms, duration_ms=duration_ms, fence=claimed.fence)

    async def _finish_once(
        self,
        call: ToolCall,
        claimed: Claimed,
        message: bytes,
        framed: bytes,
        life_ms: int,
        record: bytes,
        set_aside: bool,
    ) -> bool:
        jid = claimed.job_id
        group = jid.partition(".")[0]
        letters = (keys.dead_letters(group),) if set_aside else ()
        answer = await fcall(
            self._line,
            "finish",
            (
                keys.lease(jid),
                keys.job(jid),
                keys.fence(jid),
                keys.dispatched(jid),
                keys.final(jid),
                claimed.queue,
                keys.in_flight(group, call.backend, share_of(call.principal)),
                keys.AUDIT_STREAM,
                *letters,
            ),
            jid,
            claimed.owner,
            message,
            framed,
            keys.reply_channel(call.reply),
            life_ms,
            record,
            keys.AUDIT_STREAM_MAX,
            *((self._letter_ttl_ms, self._letters_max) if set_aside else ()),
        )
        return bool(answer == 1)

    async def put_back(self, claimed: Claimed, delay_s: float) -> None:
        """Give a claimed job back, unexecuted. Where that fails the lease runs out, which does the same later."""
        try:
            await fcall(
                self._line,
                "release",
                (keys.lease(claimed.job_id), claimed.queue),
                claimed.job_id,
                claimed.owner,
                int(delay_s * 1000),
                self._mark_ms,
            )
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("job not put back", job=claimed.job_id, reason=type(error).__name__)

    async def refuse(self, claimed: Claimed, detail: str) -> None:
        """Throw a forged job away, count it and record it; nothing of it is run."""
        self.refused += 1
        log.warning("job refused", job=claimed.job_id, reason=detail)
        record = refused_record(
            "job",
            self._worker_id,
            self._clock.now_ms(),
            detail,
            call_id=claimed.job_id,
            backend=claimed.queue,
        )
        try:
            await fcall(
                self._line,
                "refuse",
                (keys.lease(claimed.job_id), keys.job(claimed.job_id), claimed.queue, keys.AUDIT_STREAM),
                claimed.job_id,
                claimed.owner,
                record,
                keys.AUDIT_STREAM_MAX,
            )
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("refusal not recorded", reason=type(error).__name__)

    def note_refusal(self, kind: str, detail: str, *, call_id: str = "", backend: str = "") -> None:
        """Count and record a refused message that is on no queue."""
        self.refused += 1
        log.warning("message refused", kind=kind, reason=detail)
        record = refused_record(kind, self._worker_id, self._clock.now_ms(), detail, call_id=call_id, backend=backend)
        future = append_record(self._line, record)
        future.add_done_callback(lambda done: None if done.cancelled() else done.exception())

    def note_discarded(self, job: Discarded) -> None:
        """Count and record a job that the claim itself threw away."""
        self.note_refusal("job", job.reason, call_id=job.job_id, backend=job.queue)
