"""Both ends of the hop inside one event loop, over a real broker."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from shared import keys
from shared.clock import BrokerClock
from shared.functions import ensure_functions, fcall
from shared.identity import Principal
from shared.line import RedisLine
from shared.mesh_keys import KeyRing, parse_key_ring
from shared.messages import CallClass, ToolCall
from shared.queue import Limits, enqueue
from shared.settings import Secret, Settings
from tests.mesh import Broker, mesh_keys
from workers.claimed import Claimed, read_claims

GROUP = "default"
BACKEND = "echo"
READ_QUEUE = keys.queue(GROUP, BACKEND, "read")
WRITE_QUEUE = keys.queue(GROUP, BACKEND, "write")
RING: KeyRing = parse_key_ring(mesh_keys())
LIMITS = Limits(depth_max=1000, principal_in_flight_max=1000)


def settings_for(broker: Broker, **fields: Any) -> Settings:
    return Settings(redis_url=Secret(broker.url), mesh_keys=RING, **fields)


@asynccontextmanager
async def open_line(broker: Broker) -> AsyncIterator[RedisLine]:
    """A line with the functions loaded."""
    line = RedisLine(broker.url, pending_max=20_000, timeout_s=2.5)
    await line.open()
    try:
        await ensure_functions(line)
        yield line
    finally:
        await line.close()


def make_call(clock: BrokerClock, *, access: CallClass = "read", subject: str = "owner", **fields: Any) -> ToolCall:
    values: dict[str, Any] = {
        "call_id": os.urandom(16).hex(),
        "queue": keys.queue(GROUP, BACKEND, keys.lane(access)),
        "backend": BACKEND,
        "tool": "echo",
        "definition": "d",
        "access": access,
        "principal": Principal(subject=subject, owner=True),
        "arguments": b"{}",
        "deadline_ms": clock.now_ms() + 60_000,
        "reply": "e-test",
    }
    return ToolCall(**{**values, **fields})


async def put(line: RedisLine, clock: BrokerClock, call: ToolCall, limits: Limits = LIMITS) -> str:
    """Enqueue a call; gives its job id. It knows its broker, unless the test says otherwise."""
    call = call if call.epoch else msgspec.structs.replace(call, epoch=line.epoch)
    await enqueue(line, RING, GROUP, call, clock.now_ms(), limits)
    return keys.job_id(GROUP, call.call_id)


async def claim(
    line: RedisLine, queue: str, free: int, *, worker: str = "w-1", lease_ms: int = 10_000, sweep: bool = False
) -> list[Claimed]:
    """What a worker would be given now."""
    reply = await fcall(line, "sweep" if sweep else "claim", (queue,), worker, lease_ms, 600_000, free)
    claimed, _ = read_claims(reply, worker, 0.0, line.epoch)
    return claimed


async def dispatch(line: RedisLine, claimed: Claimed, *, in_time: bool = True) -> int:
    """What a worker asks for before it sends a write: 1, 0 (the lease is lost) or -1 (its time is over)."""
    jid = claimed.job_id
    names = (keys.lease(jid), keys.dispatched(jid), keys.AUDIT_STREAM)
    deadline_ms = 4e12 if in_time else 1
    return int(await fcall(line, "dispatch", names, claimed.owner, jid, 10_000, 60_000, b"r", 10, deadline_ms))


async def release(line: RedisLine, claimed: Claimed, *, delay_ms: int = 0) -> int:
    """A worker gives a claimed job back, unexecuted."""
    names = (keys.lease(claimed.job_id), claimed.queue)
    return int(await fcall(line, "release", names, claimed.job_id, claimed.owner, delay_ms, 60_000))


async def withdraw(line: RedisLine, claimed: Claimed) -> int:
    """What was sent had no effect."""
    jid = claimed.job_id
    return int(await fcall(line, "withdraw", (keys.lease(jid), keys.dispatched(jid)), claimed.owner, jid))


async def renew(line: RedisLine, claimed: Claimed, *, lease_ms: int = 10_000) -> int:
    """1, or 0 where the lease is another's."""
    lost = await fcall(line, "renew", (), lease_ms, claimed.queue, claimed.job_id, claimed.owner)
    return 0 if lost else 1


async def finish(line: RedisLine, claimed: Claimed, message: bytes = b"end", *letters: object) -> int:
    """A worker ends a job. `letters`: it is set aside; for how long (ms), and how many there may be."""
    jid = claimed.job_id
    names = [keys.lease(jid), keys.job(jid), keys.fence(jid), keys.dispatched(jid), keys.final(jid), claimed.queue]
    names += [keys.in_flight(GROUP, BACKEND, "share"), keys.AUDIT_STREAM]
    names += [keys.dead_letters(GROUP)] if letters else []
    sent = (jid, claimed.owner, message, b"frame", "tm:edge:e-test", 60_000, b"r", 10, *letters)
    return int(await fcall(line, "finish", names, *sent))


async def lapse(line: RedisLine, claimed: Claimed) -> None:
    """A job's lease runs out."""
    await line.cmd("DEL", keys.lease(claimed.job_id))
    await line.cmd("ZADD", claimed.queue, "XX", int(1e15), claimed.job_id)


def run(main: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Run an asynchronous test, bounded."""

    async def bounded() -> None:
        async with asyncio.timeout(timeout_s):
            await main()

    asyncio.run(bounded())
