"""Our side of arq: putting a call on a backend's queue, and taking it back."""

from dataclasses import dataclass

from arq.jobs import serialize_job

from shared import keys
from shared.codec import pack, seal
from shared.errors import PrincipalBusy, QueueFull
from shared.functions import fcall
from shared.identity import share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Cancel, ToolCall, ToolFailure

_MARGIN_MS = 5_000
"""How much longer than its deadline a job stays readable, for a worker that has to say that it is too late."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Back-pressure at the queue."""

    depth_max: int
    principal_in_flight_max: int


async def enqueue(line: RedisLine, ring: KeyRing, group: str, call: ToolCall, now_ms: int, limits: Limits) -> None:
    """Sign a call and put it on its queue, in one step on the broker.

    Where a worker holds the upstream session of the call's owner, it goes to that worker's part of the queue.
    A call that is there already counts as enqueued, so that this may be sent again when the answer got lost.
    Raises QueueFull, PrincipalBusy, BrokerUnavailable.
    """
    jid = keys.job_id(group, call.call_id)
    share = share_of(call.principal)
    names = [keys.job(jid), keys.final(jid), call.queue, keys.in_flight(group, call.backend, share)]
    if call.owner:
        names.append(keys.holder(group, call.backend, call.owner))
    payload = serialize_job(keys.JOB_NAME, (seal(ring, group, call),), {}, None, now_ms, serializer=pack)
    answer = await fcall(
        line,
        "enqueue",
        names,
        payload,
        max(call.deadline_ms - now_ms, 0) + _MARGIN_MS,
        jid,
        share,
        limits.depth_max,
        limits.principal_in_flight_max,
        call.deadline_ms,
        keys.QUEUE_TTL_S * 1000,
        *_routed(call),
    )
    if answer == -1:
        raise QueueFull(f"The queue of backend {call.backend!r} is full. Try again shortly.", retry_after_s=1)
    if answer == -2:
        raise PrincipalBusy(
            f"You have {limits.principal_in_flight_max} calls running at backend {call.backend!r}. "
            "Wait until some are done.",
            retry_after_s=1,
        )


async def cancel(line: RedisLine, ring: KeyRing, group: str, call: ToolCall, now_ms: int) -> bool:
    """Drop a call that was not started (gives True), or tell the worker that runs it. Raises BrokerUnavailable."""
    jid = keys.job_id(group, call.call_id)
    gone = ToolFailure(
        call_id=call.call_id,
        backend=call.backend,
        seq=0,
        code="cancelled",
        detail="The call was cancelled before it was started.",
    )
    answer = await fcall(
        line,
        "cancel",
        (
            keys.lease(jid),
            keys.job(jid),
            keys.final(jid),
            call.queue,
            keys.in_flight(group, call.backend, share_of(call.principal)),
        ),
        jid,
        seal(ring, group, gone),
        keys.RESULT_TTL_S * 1000,
        keys.control_channel(group),
        seal(ring, group, Cancel(call_id=call.call_id, backend=call.backend, at_ms=now_ms)),
        *_routed(call),
    )
    return bool(answer == 1)


def _routed(call: ToolCall) -> tuple[int, ...]:
    """The last argument of a function for a call that may belong to one worker's part of its queue."""
    return (1,) if call.owner or call.parked else ()
