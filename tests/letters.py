"""Dead letters made by hand: by the broker's own function, or the way an intruder would."""

import asyncio
import os
import time
from typing import Any

from arq.jobs import serialize_job

from shared import keys
from shared.audit import call_record
from shared.codec import frame, pack, seal
from shared.functions import ensure_functions, fcall
from shared.identity import Principal, share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing, parse_key_ring
from shared.messages import ToolCall, ToolFailure
from shared.queue import Limits, enqueue
from tests.mesh import Broker, mesh_keys

RING = parse_key_ring(mesh_keys())
STRANGER = KeyRing({group: {"k1": b"not the key of this mesh at all!"} for group in ("default", "edge", "other")})
DIED = "It lost its worker 2 times."


def a_call(**fields: Any) -> ToolCall:
    """A call of `echo_echo`, for somebody who is not the one who sends it again."""
    values: dict[str, Any] = {
        "call_id": os.urandom(16).hex(),
        "queue": keys.queue("default", "echo", "read"),
        "backend": "echo",
        "tool": "echo",
        "definition": "of an earlier release",
        "access": "read",
        "principal": Principal(subject="ada", tenant="acme", caller_id="adas-key", owner=True),
        "arguments": b'{"message":"canary-of-ada"}',
        "deadline_ms": int(time.time() * 1000) + 60_000,
        "reply": "e-gone",
    }
    return ToolCall(**{**values, **fields})


def job(call: ToolCall, group: str = "default", ring: KeyRing = RING) -> bytes:
    """The call as it lies on the broker."""
    return serialize_job(keys.JOB_NAME, (seal(ring, group, call),), {}, None, 0, serializer=pack)


def plant(broker: Broker, call_id: str, payload: bytes, group: str = "default") -> None:
    """Lay a letter there, as one does who may write to the broker."""
    jid = keys.job_id(group, call_id)
    with broker.client() as redis:
        redis.set(keys.dead_letter(jid), payload, px=600_000)
        redis.zadd(keys.dead_letters(group), {jid: int(time.time() * 1000)})


def is_there(broker: Broker, call_id: str, group: str = "default") -> bool:
    """Whether the letter is kept, and listed."""
    jid = keys.job_id(group, call_id)
    with broker.client() as redis:
        kept, listed = redis.exists(keys.dead_letter(jid)), redis.zscore(keys.dead_letters(group), jid)
    assert bool(kept) == (listed is not None), "kept and listed, or neither"
    return bool(kept)


def set_aside(broker: Broker, call: ToolCall, *, end: bool = True, claims: int = 2) -> None:
    """Enqueue a call, claim it as workers would that die under it, and have the broker set it aside. Not `end`: leave it
    with the last worker that claimed it, under a lease of a minute."""

    async def main() -> None:
        line = RedisLine(broker.url, pending_max=1_000, timeout_s=2.5)
        await line.open()
        try:
            await ensure_functions(line)
            await enqueue(line, RING, "default", call, int(time.time() * 1000), Limits(1_000, 1_000))
            owner = await _lose(line, call, claims)
            if end:
                assert await _finish(line, call, owner) == 1
        finally:
            await line.close()

    asyncio.run(asyncio.wait_for(main(), 30))


async def _lose(line: RedisLine, call: ToolCall, claims: int) -> str:
    """Claim it so often; every lease but the last one is over at once. Gives the last one."""
    for number in range(1, claims + 1):
        last = number == claims
        while True:
            reply = await fcall(line, "sweep", (call.queue,), f"w-{number}", 60_000 if last else 1, 600_000, 1)
            if reply:
                break
            await asyncio.sleep(0.005)
    return f"w-{claims}:{claims}"


async def _finish(line: RedisLine, call: ToolCall, owner: str) -> int:
    jid = keys.job_id("default", call.call_id)
    failure = ToolFailure(call_id=call.call_id, backend=call.backend, seq=1, code="dead_lettered", detail=DIED)
    message = seal(RING, "default", failure)
    done = await fcall(
        line,
        "finish",
        (
            keys.lease(jid),
            keys.job(jid),
            keys.fence(jid),
            keys.dispatched(jid),
            keys.final(jid),
            call.queue,
            keys.in_flight("default", call.backend, share_of(call.principal)),
            keys.AUDIT_STREAM,
            keys.dead_letters("default"),
        ),
        jid,
        owner,
        message,
        frame(message),
        keys.reply_channel(call.reply),
        600_000,
        call_record(call, "outcome", "dead_lettered", owner, int(time.time() * 1000)),
        keys.AUDIT_STREAM_MAX,
        600_000,
        1_000,
    )
    return int(done)
