"""Where one call is: queued, running, over, set aside, or unknown; and what it is, as far as it is signed."""

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from shared import keys
from shared.messages import Final, ToolCall, ToolResult
from toolmesh.queue.letters import believed, find_letter, read_final
from toolmesh.queue.reach import Reach
from toolmesh.queue.times import utc

_UNREADABLE = "the broker's user in REDIS_URL may not read jobs; the administrator's may"


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one call. Members that do not apply are left out."""

    call_id: str
    state: str
    """`queued`, `running`, `over`, `dead_letter` or `unknown`."""
    group: str = ""
    signature: str = ""
    """`ok`, or why the call (of one that is over: its end) is not believed."""
    worker: str = ""
    fence: int = 0
    """How often it was claimed."""
    losses: int | None = None
    """Workers that it lost so far, of a call that is not over."""
    code: str = ""
    """How it ended: `ok`, `error` (the tool's own), or a slug."""
    detail: str = ""
    set_aside: str = ""
    method: str = ""
    backend: str = ""
    tool: str = ""
    access: str = msgspec.field(default="", name="class")
    tenant: str = ""
    subject: str = ""
    caller_id: str = ""
    deadline: str = ""
    argument_bytes: int | None = None
    arguments: msgspec.Raw | None = None


async def whereabouts(redis: Redis, where: Reach, call_id: str, *, arguments: bool) -> Whereabouts:
    """Look for a call in every group of the configuration. Raises RedisError."""
    letter = await find_letter(redis, where, call_id)
    if letter is not None:
        return _with_call(
            Whereabouts(
                call_id=call_id,
                state="dead_letter",
                group=letter.group,
                signature=letter.forged or "ok",
                detail=letter.died,
                set_aside=utc(letter.at_ms) if letter.at_ms else "",
            ),
            letter.call,
            arguments=arguments,
        )
    for group in where.groups:
        found = await _in_group(redis, where, group, call_id, arguments=arguments)
        if found is not None:
            return found
    return Whereabouts(call_id=call_id, state="unknown")


async def _in_group(redis: Redis, where: Reach, group: str, call_id: str, *, arguments: bool) -> Whereabouts | None:
    jid = keys.job_id(group, call_id)
    final = await redis.get(keys.final(jid))
    if final is not None:
        end, forged = read_final(where, group, call_id, final)
        code, detail = ("", "") if end is None else _how(end)
        return Whereabouts(
            call_id=call_id,
            state="over",
            group=group,
            signature=forged or "ok",
            code=code,
            detail=detail,
            backend=end.backend if end is not None else "",
        )
    if not await redis.exists(keys.job(jid)):
        return None
    lease = await redis.get(keys.lease(jid))
    worker, _, fence = lease.decode("utf-8", "replace").rpartition(":") if lease is not None else ("", "", "")
    call, forged = await _job(redis, where, group, call_id)
    state = Whereabouts(
        call_id=call_id,
        state="running" if worker else "queued",
        group=group,
        signature=forged or "ok",
        worker=worker,
        fence=int(fence) if fence.isdecimal() else 0,
        losses=await _losses(redis, jid, running=bool(worker)),
    )
    return _with_call(state, call, arguments=arguments)


def _how(end: Final) -> tuple[str, str]:
    """Code and detail of an end."""
    if not isinstance(end, ToolResult):
        return end.code, end.detail
    try:
        members = msgspec.json.decode(end.body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "ok", ""
    return ("error" if bytes(members.get("isError", b"")) == b"true" else "ok"), ""


async def _job(redis: Redis, where: Reach, group: str, call_id: str) -> tuple[ToolCall | None, str]:
    try:
        payload = await redis.get(keys.job(keys.job_id(group, call_id)))
    except NoPermissionError:
        return None, _UNREADABLE
    if payload is None:
        return None, "it ended in this moment"
    return believed(where, group, call_id, payload)


async def _losses(redis: Redis, jid: str, *, running: bool) -> int | None:
    """Claims that ended neither with the call nor with its being given back."""
    try:
        claims = int(await redis.get(keys.fence(jid)) or 0)
        returned = int(await redis.get(keys.returned(jid)) or 0)
    except (NoPermissionError, ValueError):
        return None
    return max(claims - returned - int(running), 0)


def _with_call(state: Whereabouts, call: ToolCall | None, *, arguments: bool) -> Whereabouts:
    """With what the call says of itself: only of one that is believed."""
    if call is None:
        return state
    return msgspec.structs.replace(
        state,
        method=call.method,
        backend=call.backend,
        tool=call.tool,
        access=call.access,
        tenant=call.principal.tenant,
        subject=call.principal.subject,
        caller_id=call.principal.caller_id,
        deadline=utc(call.deadline_ms),
        argument_bytes=len(call.arguments),
        arguments=_json(call.arguments) if arguments else None,
    )


def _json(raw: bytes) -> msgspec.Raw:
    """The bytes themselves, or a text where they are not JSON."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.Raw(b'"(not JSON)"')
    return msgspec.Raw(raw)
