"""What changes at backends outside of any call, told to the edges: lists, and resources that clients watch.

One worker follows each backend for all: a lease that is renewed with its heartbeat. Which resources are wanted, edges say
in a hash, and again while it is true; they nudge over the control channel.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal

import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal, unseal
from shared.errors import BrokerUnavailable, ForgedMessage
from shared.functions import fcall
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Changed, Wanted
from shared.settings import Settings
from workers.publishing import Publisher
from workers.served import Served

log = structlog.get_logger()

Kind = Literal["tools", "prompts", "resources", "resource"]

_READ_S: Final = 10.0
_SETTLE_S: Final = 0.05
"""Nudges that come together are one."""
_SCAN_COUNT: Final = 500


@dataclass(slots=True)
class _Followed:
    """One backend, as this worker follows it."""

    served: Served
    leading: bool = False
    """Whether this worker follows it for all."""
    watched: frozenset[str] = frozenset()
    nudged: asyncio.Event = field(default_factory=asyncio.Event)
    updates: dict[str, None] = field(default_factory=dict)
    """Resources whose update is to be told, in the order of their updates."""
    updated: asyncio.Event = field(default_factory=asyncio.Event)


class Changes:
    """Follows backends, and tells what changed."""

    def __init__(
        self,
        served: Mapping[str, Served],
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        publisher: Publisher,
        settings: Settings,
        worker_id: str,
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._publisher = publisher
        self._worker_id = worker_id
        self._beat_s = settings.heartbeat_s
        self._lease_ms = int(settings.heartbeat_ttl_s * 1000)
        self._watched_max = settings.watched_max
        self._pause_s = 1 / settings.updates_per_s_max
        self._followed = {name: _Followed(s) for name, s in served.items()}

    async def run(self) -> None:
        """Follow what this worker can get hold of. Runs for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_leading())
            for followed in self._followed.values():
                tasks.create_task(self._keep_watching(followed))
                tasks.create_task(self._tell_updates(followed))

    def nudge(self, backend: str) -> None:
        """Somebody wants to hear of another resource."""
        if backend in self._followed:
            self._followed[backend].nudged.set()

    def nudge_all(self) -> None:
        """Nudges may have been missed."""
        for followed in self._followed.values():
            followed.nudged.set()

    def update(self, backend: str, uri: str) -> None:
        """A backend says that a resource was updated; told if it is watched."""
        followed = self._followed[backend]
        if uri in followed.watched:
            followed.updates[uri] = None
            followed.updated.set()

    async def tell(self, backend: str, kinds: Iterable[Kind]) -> None:
        """Say that lists changed, if this worker is the one that says so."""
        followed = self._followed[backend]
        for kind in kinds:
            if followed.leading:
                await self._publish(followed, kind)

    async def let_go(self) -> None:
        """Let another worker follow."""
        held = [self._lease_key(f) for f in self._followed.values() if f.leading]
        with suppress(BrokerUnavailable, ResponseError):
            if held:
                await fcall(self._line, "yield", held, self._worker_id)

    async def _keep_leading(self) -> None:
        everything = list(self._followed.values())
        names = [self._lease_key(followed) for followed in everything]
        while True:
            try:
                held = await fcall(self._line, "keep", names, self._worker_id, self._lease_ms)
            except (BrokerUnavailable, ResponseError):
                held = [0] * len(names)  # what can't be renewed is not ours for long
            for followed, mine in zip(everything, held, strict=True):
                if followed.leading != bool(mine):
                    followed.leading = bool(mine)
                    followed.nudged.set()
            await asyncio.sleep(self._beat_s)

    async def _keep_watching(self, followed: _Followed) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_READ_S):
                    await followed.nudged.wait()
            await asyncio.sleep(_SETTLE_S)
            followed.nudged.clear()
            try:
                wanted = await self._read_wanted(followed) if followed.leading else frozenset()
            except (BrokerUnavailable, ResponseError) as error:
                log.debug("wanted resources not read", reason=type(error).__name__)
                continue
            if wanted != followed.watched:
                followed.watched = wanted
                try:
                    await followed.served.backend.watch(wanted)
                except Exception:
                    log.exception("resources not watched", backend=followed.served.entry.name)

    async def _read_wanted(self, followed: _Followed) -> frozenset[str]:
        """The resources that are wanted now; wishes that are over are forgotten."""
        entry = followed.served.entry
        name = keys.wanted(entry.group, entry.name)
        found: set[str] = set()
        over: list[bytes] = []
        cursor = b"0"
        while True:
            cursor, pairs = await self._line.cmd("HSCAN", name, cursor, "COUNT", _SCAN_COUNT)
            for at in range(0, len(pairs), 2):
                uri = self._verified(followed, pairs[at], pairs[at + 1])
                if uri is None:
                    over.append(pairs[at])
                elif len(found) < self._watched_max:
                    found.add(uri)
            if over:
                await self._line.cmd("HDEL", name, *over)
                over = []
            if int(cursor) == 0 or len(found) >= self._watched_max:
                return frozenset(found)

    def _verified(self, followed: _Followed, name: bytes, raw: bytes) -> str | None:
        """The URI of a wish that counts; None for one that is over or forged."""
        entry = followed.served.entry
        try:
            wanted = unseal(self._ring, entry.group, raw, Wanted)
            if wanted.backend != entry.name or wanted.field != name.decode("ascii", "replace"):
                raise ForgedMessage("the wish for a resource lies under another's name")
        except ForgedMessage as forged:
            self._publisher.note_refusal("wanted", forged.detail, backend=entry.name)
            return None
        return wanted.uri if wanted.until_ms > self._clock.now_ms() else None

    async def _tell_updates(self, followed: _Followed) -> None:
        while True:
            await followed.updated.wait()
            if not followed.updates:
                followed.updated.clear()
                continue
            uri = next(iter(followed.updates))
            del followed.updates[uri]
            if uri in followed.watched and followed.leading:
                await self._publish(followed, "resource", uri)
            await asyncio.sleep(self._pause_s)

    async def _publish(self, followed: _Followed, kind: Kind, uri: str = "") -> None:
        entry = followed.served.entry
        changed = Changed(backend=entry.name, at_ms=self._clock.now_ms(), kind=kind, uri=uri)
        try:
            await fcall(
                self._line,
                "change",
                (keys.changes(entry.group),),
                seal(self._ring, entry.group, changed),
                keys.CHANGES,
                keys.CHANGES_MAX,
                keys.CHANGES_TTL_S * 1000,
            )
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("change not told", backend=entry.name, kind=kind, reason=type(error).__name__)

    @staticmethod
    def _lease_key(followed: _Followed) -> str:
        return keys.follower(followed.served.entry.group, followed.served.entry.name)
