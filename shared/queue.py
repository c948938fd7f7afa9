"""Our side of arq: putting a call on a backend's queue, joining one that runs, and taking one back."""

from dataclasses import dataclass
from typing import Literal

from arq.jobs import serialize_job

from shared import keys
from shared.audit import call_record
from shared.codec import pack, seal
from shared.errors import Cancelled, InvalidParams, MeshError, PrincipalBusy, QueueFull
from shared.functions import fcall
from shared.identity import share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Cancel, ToolCall
from shared.outcome import failure_of
from shared.settings import Settings

_MARGIN_MS = 5_000
"""How much longer than its deadline a job stays readable, for a worker that has to say that it is too late."""
_TWIN_AGE_MS = {"keep": 100, "look": 1_000}
"""A call that runs for longer may be one whose client has cut its connection and repeats it in the same moment. For what
may run twice anyhow that has to be likely to be worth the wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Back-pressure at the queue, and how long what ended is known."""

    depth_max: int
    principal_in_flight_max: int
    result_ttl_ms: int = 600_000
    reattach_ms: int = 300_000
    edge_sign_ms: int = 3_000
    """How long an edge's sign of life counts."""


def limits_of(settings: Settings) -> Limits:
    """What the queue is held to."""
    return Limits(
        settings.queue_depth_max,
        settings.principal_in_flight_max,
        int(settings.result_ttl_s * 1000),
        int(settings.reattach_s * 1000),
        int(settings.heartbeat_ttl_s * 1000),
    )


@dataclass(frozen=True, slots=True)
class Same:
    """Under what name the same call is found when it is sent again (docs/guarantees.md)."""

    key: str
    """Of the broker; empty for a call that is never joined."""
    how: Literal["none", "look", "keep", "own"] = "none"
    """`look`: join one that lost its waiter; `keep`: and be found; `own`: by a key that the client chose."""
    arguments: str = ""
    """Of `own`: digest of the arguments, which have to be the same."""


NEVER_THE_SAME = Same("")


Gone = Literal[1, 2, 3]
"""What it takes for another edge to count as gone: it does not say that it lives, or does not listen (1, and nothing is
waited for any more); neither (2); nothing does, since the broker has just come back and all are away for a moment (3)."""


class StillWaited(Exception):
    """A call that is the same may be losing its waiter: its edge may be gone, or its client be leaving. Look again."""


class LongUnderWay(Exception):
    """A write took so long to the broker that its client may have left, and have sent it elsewhere. Nothing was queued:
    look whether the client is there, and ask again."""


async def enqueue(
    line: RedisLine,
    ring: KeyRing,
    group: str,
    call: ToolCall,
    now_ms: int,
    limits: Limits,
    same: Same = NEVER_THE_SAME,
    *,
    gone: Gone = 2,
    sent_ms: int | None = None,
) -> str:
    """Sign a call and put it on its queue, in one step on the broker; gives the id of the call that it became.

    That is another one's where the same call is to be joined. Where a worker holds the upstream session of the owner, it
    goes to that worker's part of the queue. A call that is there already counts as enqueued, so that this may be sent again
    when the answer got lost. `now_ms`: when it was asked for first, by the broker's clock; `sent_ms`: when this is sent,
    None for the same moment. Raises StillWaited, LongUnderWay, QueueFull, PrincipalBusy, InvalidParams (the client's key
    with other arguments), BrokerUnavailable.
    """
    jid = keys.job_id(group, call.call_id)
    share = share_of(call.principal)
    names = [keys.job(jid), keys.final(jid), call.queue, keys.in_flight(group, call.backend, share), same.key or jid]
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
        same.how,
        same.arguments or call.reply,
        limits.reattach_ms,
        limits.result_ttl_ms,
        _TWIN_AGE_MS.get(same.how, 0),
        gone,
        now_ms,
        limits.edge_sign_ms,
        now_ms if sent_ms is None else sent_ms,
        *_routed(call),
    )
    if isinstance(answer, bytes):
        return answer.decode().partition(".")[2]
    _raise_refusal(answer, call, limits)
    return call.call_id


def _raise_refusal(answer: int, call: ToolCall, limits: Limits) -> None:
    if answer == -1:
        raise QueueFull(f"The queue of backend {call.backend!r} is full. Try again shortly.", retry_after_s=1)
    if answer == -2:
        raise PrincipalBusy(
            f"You have {limits.principal_in_flight_max} calls running at backend {call.backend!r}. "
            "Wait until some are done.",
            retry_after_s=1,
        )
    if answer == -3:
        raise InvalidParams("This idempotency key was used with other arguments. Use a new key for a new call.")
    if answer == -4:
        raise StillWaited
    if answer == -5:
        raise LongUnderWay


async def cancel(
    line: RedisLine,
    ring: KeyRing,
    group: str,
    call: ToolCall,
    now_ms: int,
    *,
    same: str = "",
    only_lost: bool = False,
    role: str,
    why: MeshError | None = None,
    result_ttl_ms: int = 600_000,
) -> bool:
    """Drop a call that was not started (gives True; `why` is then its end), or tell the worker that runs it.

    `same`: key under which the same call is found; a cancelled one is not found any more. `only_lost`: do nothing where
    somebody waits for it (again). Raises BrokerUnavailable.
    """
    if not _surely_unsent(line, call):
        if not only_lost:
            told = seal(ring, group, Cancel(call_id=call.call_id, backend=call.backend, at_ms=now_ms))
            await line.cmd("PUBLISH", keys.control_channel(group), told)
        return False
    answer = await fcall(
        line,
        "cancel",
        _names(group, call, same),
        keys.control_channel(group),
        seal(ring, group, Cancel(call_id=call.call_id, backend=call.backend, at_ms=now_ms)),
        int(only_lost),
        *_drop(ring, group, call, now_ms, role, why, result_ttl_ms),
    )
    return bool(answer == 1)


async def lose(
    line: RedisLine,
    ring: KeyRing,
    group: str,
    call: ToolCall,
    now_ms: int,
    *,
    same: str,
    drop: bool,
    role: str,
    limits: Limits,
) -> bool:
    """The client of a call is gone before it had its answer: the same call finds it from now on.

    `drop`: what was not started is not wanted any more (gives True where that was so). Raises BrokerUnavailable.
    """
    life_ms = max(call.deadline_ms - now_ms, 0) + limits.result_ttl_ms
    answer = await fcall(
        line,
        "lose",
        _names(group, call, same),
        life_ms,
        int(drop and _surely_unsent(line, call)),
        *_drop(ring, group, call, now_ms, role, None, limits.result_ttl_ms),
    )
    return bool(answer == 1)


def _surely_unsent(line: RedisLine, call: ToolCall) -> bool:
    """Whether a call that the broker knows as not started is one: it may have forgotten that, of one before its restart."""
    return call.access != "write" or (call.epoch != "" and call.epoch == line.epoch)


def _names(group: str, call: ToolCall, same: str) -> tuple[str, ...]:
    jid = keys.job_id(group, call.call_id)
    in_flight = keys.in_flight(group, call.backend, share_of(call.principal))
    return (
        keys.lease(jid),
        keys.job(jid),
        keys.final(jid),
        call.queue,
        in_flight,
        same or keys.reattach("none", "none"),
        keys.AUDIT_STREAM,
    )


def _drop(
    ring: KeyRing, group: str, call: ToolCall, now_ms: int, role: str, why: MeshError | None, result_ttl_ms: int
) -> tuple[object, ...]:
    """What the broker needs to end a call that was not started."""
    error = why or Cancelled("The call was cancelled before it was started.")
    return (
        keys.job_id(group, call.call_id),
        seal(ring, group, failure_of(call, 0, error)),
        result_ttl_ms,
        call_record(call, "outcome", error.code, role, now_ms),
        keys.AUDIT_STREAM_MAX,
        *_routed(call),
    )


def _routed(call: ToolCall) -> tuple[int, ...]:
    """The last argument of a function for a call that may belong to one worker's part of its queue."""
    return (1,) if call.owner or call.parked else ()
