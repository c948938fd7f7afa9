"""Which backends the mesh serves, as the workers' signed heartbeats tell it."""

from dataclasses import dataclass

from redis.asyncio import Redis

from shared import keys
from shared.catalogue import Catalogue
from shared.codec import unseal
from shared.configuration import BackendEntry
from shared.errors import ForgedMessage
from shared.mesh_keys import KeyRing
from shared.messages import Heartbeat

_BETTER = {"up": 2, "failed": 1, "starting": 0}


@dataclass(frozen=True, slots=True)
class Presence:
    """What is known of one backend."""

    state: str
    """up, failed, or starting."""
    detail: str


async def call_roll(redis: "Redis", ring: KeyRing, entries: tuple[BackendEntry, ...]) -> dict[str, Presence]:
    """State of each backend that a worker has told of: the best that one of its workers says."""
    found: dict[str, Presence] = {}
    for group in sorted({entry.group for entry in entries}):
        for worker in await redis.zrange(keys.workers(group), 0, -1):
            raw = await redis.get(keys.heartbeat(group, worker.decode()))
            if raw is None:
                continue
            try:
                beat = unseal(ring, group, raw, Heartbeat)
            except ForgedMessage:
                continue
            for state in beat.backends:
                known = found.get(state.name)
                if known is None or _BETTER[state.state] > _BETTER[known.state]:
                    found[state.name] = Presence(state.state, state.detail)
    for entry in entries:
        if entry.name in found and found[entry.name].state == "up":
            found[entry.name] = Presence("up", await _tools_of(redis, ring, entry))
    return found


async def _tools_of(redis: "Redis", ring: KeyRing, entry: BackendEntry) -> str:
    raw = await redis.get(keys.catalogue(entry.group, entry.name))
    try:
        count = len(unseal(ring, entry.group, raw, Catalogue).tools) if raw else 0
    except ForgedMessage:
        return ""
    return f"{count} tool{'' if count == 1 else 's'}"
