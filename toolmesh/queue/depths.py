"""How full each queue is, and how many workers serve it."""

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.code_mode import CODE
from shared.codec import unseal
from shared.errors import ForgedMessage
from shared.messages import Heartbeat
from toolmesh.queue.reach import Reach, now_ms

_LEASED = 10**15
"""Added to the score of a claimed job (shared/lua/queue.lua)."""


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """One queue, with the parts of it that belong to single workers."""

    group: str
    backend: str
    lane: str
    """`read`, or `write`: idempotent calls and writes; `script`: composites."""
    waiting: int
    running: int
    oldest_waiting_s: float | None
    """Since when the oldest waits; null where none does."""
    workers: int
    """Workers that are alive and serve the backend."""


async def depths(redis: Redis, where: Reach) -> list[Depth]:
    """Every queue of the configuration, in its order. Raises RedisError."""
    at_ms = await now_ms(redis)
    serving = {group: await _serving(redis, where, group, at_ms) for group in where.groups}
    found = []
    for entry in where.entries:
        for lane in ("write",) if entry.transport == CODE.transport else keys.lanes(entry.transport):
            waiting, running, since_ms = await _look(redis, keys.queue(entry.group, entry.name, lane), at_ms)
            depth = Depth(
                group=entry.group,
                backend=entry.name,
                lane=lane,
                waiting=waiting,
                running=running,
                oldest_waiting_s=None if since_ms is None else round(max(at_ms - since_ms, 0) / 1000, 3),
                workers=serving[entry.group].count(entry.name),
            )
            found.append(depth)
    return found


async def _look(redis: Redis, queue: str, at_ms: int) -> tuple[int, int, int | None]:
    """How many wait, how many run, and since when the oldest waits (Unix ms)."""
    waiting, running = 0, 0
    oldest: int | None = None
    workers: set[bytes] = await redis.smembers(keys.parts(queue))  # type: ignore[misc]
    for name in (queue, *(keys.part(queue, worker.decode()) for worker in workers)):
        # A job whose lease has run out waits for its next worker.
        held = len(await redis.zrangebyscore(name, _LEASED + at_ms, "+inf"))
        running += held
        waiting += max(int(await redis.zcard(name)) - held, 0)
        first = await redis.zrange(name, 0, 0, withscores=True)
        if first and first[0][1] < _LEASED:
            since = int(first[0][1])
            oldest = since if oldest is None else min(oldest, since)
    return waiting, running, oldest


async def _serving(redis: Redis, where: Reach, group: str, at_ms: int) -> list[str]:
    """Names of backends, each as often as a live worker serves it. Only signed heartbeats count."""
    if group not in where.ring.groups:
        return []
    served: list[str] = []
    for worker in await redis.zrange(keys.workers(group), 0, -1):
        raw = await redis.get(keys.heartbeat(group, worker.decode()))
        if raw is None:
            continue
        try:
            beat = unseal(where.ring, group, raw, Heartbeat)
        except ForgedMessage:
            continue
        if at_ms - beat.at_ms <= where.settings.heartbeat_ttl_s * 1000:
            served += [backend.name for backend in beat.backends]
    return served
