"""Dead letters as they lie on the broker: who sent what, whether an edge signed it, and how to throw one away."""

from dataclasses import dataclass

from redis.asyncio import Redis

from shared import keys
from shared.audit import AuditRecord, call_record, encode_record
from shared.codec import open_envelope
from shared.errors import ForgedMessage, InvalidParams
from shared.jobs import open_job
from shared.messages import Final, ToolCall, ToolFailure
from toolmesh.queue.reach import Reach, now_ms

ROLE = "operator"
"""Who drops a dead letter, in the audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One call that lost its worker too often."""

    group: str
    call_id: str
    at_ms: int
    """When it was set aside; Unix time by the broker's clock, 0 where that is not known."""
    call: ToolCall | None
    """None where it is not what an edge signed."""
    forged: str
    """Why it is not believed; empty where it is."""
    died: str
    """How it ended, as its client was told; empty once that is forgotten."""


async def list_letters(redis: Redis, where: Reach) -> list[DeadLetter]:
    """All of the configuration's groups, the oldest first. Raises RedisError."""
    found = []
    for group in where.groups:
        entries = await redis.zrange(keys.dead_letters(group), -where.settings.dead_letters_max, -1, withscores=True)
        for name, score in entries:
            call_id = name.decode("utf-8", "replace").partition(".")[2]
            letter = await _read(redis, where, group, call_id, int(score))
            if letter is not None:
                found.append(letter)
    return sorted(found, key=lambda letter: letter.at_ms)


async def find_letter(redis: Redis, where: Reach, call_id: str) -> DeadLetter | None:
    """The dead letter of that call. Raises RedisError."""
    for group in where.groups:
        at_ms = await redis.zscore(keys.dead_letters(group), keys.job_id(group, call_id))
        letter = await _read(redis, where, group, call_id, int(at_ms or 0))
        if letter is not None:
            return letter
    return None


async def _read(redis: Redis, where: Reach, group: str, call_id: str, at_ms: int) -> DeadLetter | None:
    jid = keys.job_id(group, call_id)
    payload = await redis.get(keys.dead_letter(jid))
    if payload is None:
        return None
    call, forged = believed(where, group, call_id, payload)
    final, _ = read_final(where, group, call_id, await redis.get(keys.final(jid)))
    died = f"{final.code}: {final.detail}" if isinstance(final, ToolFailure) else ""
    return DeadLetter(group=group, call_id=call_id, at_ms=at_ms, call=call, forged=forged, died=died)


def believed(where: Reach, group: str, call_id: str, payload: bytes) -> tuple[ToolCall | None, str]:
    """The call of a job, or why it is not believed."""
    try:
        call = open_job(where.ring, group, call_id, payload)
        served = {entry.name: entry.group for entry in where.entries}
        if served.get(call.backend, group) != group:
            raise ForgedMessage(f"group {group!r} does not serve backend {call.backend!r}")
    except ForgedMessage as forged:
        return None, forged.detail
    return call, ""


def read_final(where: Reach, group: str, call_id: str, raw: bytes | None) -> tuple[Final | None, str]:
    """The end of a call, or why it is not believed."""
    if raw is None:
        return None, ""
    try:
        found, message = open_envelope(where.ring, raw)
        if found != group or not isinstance(message, Final) or message.call_id != call_id:
            raise ForgedMessage("what lies under the call's key is not its end")
    except ForgedMessage as forged:
        return None, forged.detail
    return message, ""


async def drop(redis: Redis, where: Reach, call_id: str) -> DeadLetter:
    """Throw a dead letter away, and record that. Raises InvalidParams where there is none, RedisError."""
    letter = await find_letter(redis, where, call_id)
    if letter is None or await redis.getdel(keys.dead_letter(keys.job_id(letter.group, call_id))) is None:
        raise no_letter(call_id)
    at_ms = await now_ms(redis)
    if letter.call is not None:
        record = call_record(letter.call, "outcome", "dropped", ROLE, at_ms)
    else:
        record = encode_record(
            AuditRecord(
                at_ms=at_ms, phase="outcome", code="dropped", role=ROLE, call_id=call_id, detail=letter.forged[:200]
            )
        )
    await redis.xadd(keys.AUDIT_STREAM, {"r": record}, maxlen=keys.AUDIT_STREAM_MAX, approximate=True)
    await redis.zrem(keys.dead_letters(letter.group), keys.job_id(letter.group, call_id))
    return letter


def no_letter(call_id: str) -> InvalidParams:
    """There is nothing under that id."""
    return InvalidParams(f"There is no dead letter {call_id}. `toolmesh queue ls` lists those that there are.")
