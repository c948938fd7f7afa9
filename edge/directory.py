"""What can be asked for now: what all backends offer, and which backends have a live worker.

Fed by the workers' signed heartbeats; a heartbeat names the catalogue that its worker serves, and only a catalogue that a
live worker names is taken over. Only backends of the edge's own configuration are looked at. A backend without a worker
keeps its tools listed (clients cache lists), and its calls are answered at once.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog

from edge.accepted.limits import USUAL, Limits
from edge.backend_names import BackendNames
from edge.name_notes import tell_of
from edge.name_space import NameSpace, name_space
from edge.names import OWN_NAMES
from edge.promotion import Promotion
from edge.shelf import Item, Shelf, tools_of
from edge.tool import Tool
from shared import keys
from shared.catalogue import Catalogue
from shared.clock import BrokerClock
from shared.codec import open_envelope, unseal
from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable, ForgedMessage
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Heartbeat

log = structlog.get_logger()

V = TypeVar("V")

_FETCH_AGAIN_S = 1.0
_READ_S = 0.005
"""How long tools are read before others have their turn."""
_FUTURE_MS_MAX = 2_000


class _Worker:
    __slots__ = ("catalogues", "live_until")

    def __init__(self, live_until: float, catalogues: dict[str, str]) -> None:
        self.live_until = live_until
        self.catalogues = catalogues


Changed = Callable[[str, frozenset[str], Shelf | None], None]
"""`(backend, kinds, former)`: what a backend offers of `tools`, `prompts`, `resources` is not what it was before."""


class Directory:
    """Shelves by backend, all their things by canonical name, and the workers that serve them."""

    def __init__(
        self,
        entries: Iterable[BackendEntry],
        ring: KeyRing,
        line: RedisLine,
        clock: BrokerClock,
        *,
        heartbeat_ttl_s: float,
        refused: Callable[[str, str], None],
        changed: Changed = lambda backend, kinds, former: None,
        limits: Limits = USUAL,
        unlisted: Iterable[BackendEntry] = (),
        ours: frozenset[str] = OWN_NAMES,
    ) -> None:
        """`limits`: of what is listed. `unlisted`: backends of the mesh itself, which offer nothing under names of their
        own: of them is known whether a worker serves them, and no more. `ours`: names of the mesh itself."""
        self.entries = {entry.name: entry for entry in entries}
        """The edge's own configuration, by backend."""
        self.served = self.entries | {entry.name: entry for entry in unlisted}
        """All that calls may go to."""
        self._group_of = {entry.name: entry.group for entry in self.served.values()}
        self._promotion = Promotion(self.entries.values(), ours)
        self._changed = changed
        self._ring = ring
        self._line = line
        self._clock = clock
        self._ttl_s = heartbeat_ttl_s
        self._refused = refused
        self._workers: dict[tuple[str, str], _Worker] = {}
        self._fetched_at: dict[str, float] = {}
        self._fetching: set[asyncio.Task[None]] = set()
        self._reading = {name: asyncio.Lock() for name in self.entries}
        self._limits = limits
        self.name_space = NameSpace()
        """The tools of all backends. Replaced as a whole, never changed, as all that follows."""
        self.names: dict[str, BackendNames] = {}
        """By backend; of those that were heard of."""
        self.prompts: dict[str, tuple[Shelf, Item]] = {}
        """By canonical name, with the shelf that each is on."""
        self.resources: dict[str, Item] = {}
        """By prefixed URI."""
        self.templates: dict[str, Item] = {}
        self.shelves: dict[str, Shelf] = {}
        """By backend; those that were heard of."""

    def is_live(self, backend: str) -> bool:
        """Whether a worker that serves the backend was heard of lately."""
        now = time.monotonic()
        return any(w.live_until > now and backend in w.catalogues for w in self._workers.values())

    def find_tool(self, backend: str | None, name: str) -> Tool | None:
        """What is called that at the endpoint of a backend, or of all (None)."""
        if backend is None:
            return self.name_space.find(name)
        names = self.names.get(backend)
        return names.find(name) if names is not None else None

    async def load(self) -> None:
        """Read what workers left in the broker: heartbeats and catalogues. Raises BrokerUnavailable."""
        for group in sorted(set(self._group_of.values())):
            if group not in self._ring.groups:
                continue
            names = await self._line.cmd("ZRANGE", keys.workers(group), 0, -1)
            for name in names:
                beat = await self._line.cmd("GET", keys.heartbeat(group, name.decode()))
                if beat is not None:
                    self.on_heartbeat(beat)
        for backend in self.entries:
            if backend not in self.shelves:
                await self._fetch(backend)

    def on_heartbeat(self, raw: bytes) -> None:
        """Take note of a worker; refuse, count and record what is not a heartbeat of ours."""
        try:
            group, beat = open_envelope(self._ring, raw)
            if not isinstance(beat, Heartbeat):
                raise ForgedMessage("what came as a heartbeat is something else")
            age_ms = self._clock.now_ms() - beat.at_ms
            if not -_FUTURE_MS_MAX <= age_ms <= self._ttl_s * 1000:
                raise ForgedMessage("the heartbeat is too old or from the future")
            foreign = [s.name for s in beat.backends if self._group_of.get(s.name, group) != group]
            if foreign:
                raise ForgedMessage(f"group {group!r} does not serve backend {foreign[0]!r}")
        except ForgedMessage as forged:
            self._refused("heartbeat", forged.detail)
            return
        self._note(group, beat, time.monotonic() + self._ttl_s - age_ms / 1000)

    def _note(self, group: str, beat: Heartbeat, live_until: float) -> None:
        who = (group, beat.worker)
        if not beat.backends:
            self._workers.pop(who, None)
            return
        catalogues = {s.name: s.catalogue for s in beat.backends if s.name in self._group_of}
        self._workers[who] = _Worker(live_until, catalogues)
        now = time.monotonic()
        for gone in [who for who, worker in self._workers.items() if worker.live_until < now]:
            del self._workers[gone]
        for name, digest in catalogues.items():
            shelf = self.shelves.get(name)
            stale = digest and name in self.entries and (shelf is None or digest != shelf.hash)
            if stale and now - self._fetched_at.get(name, -_FETCH_AGAIN_S) >= _FETCH_AGAIN_S:
                self._fetched_at[name] = now
                task = asyncio.get_running_loop().create_task(self._fetch_quietly(name))
                self._fetching.add(task)
                task.add_done_callback(self._fetching.discard)

    async def _fetch_quietly(self, backend: str) -> None:
        try:
            await self._fetch(backend)
        except BrokerUnavailable:
            self._fetched_at.pop(backend, None)

    async def _fetch(self, backend: str) -> None:
        """Read a backend's catalogue from the broker and take it over if it is what its workers serve."""
        group = self._group_of[backend]
        if group not in self._ring.groups:
            return
        async with self._reading[backend]:
            raw = await self._line.cmd("GET", keys.catalogue(group, backend))
            if raw is None:
                return
            try:
                catalogue = unseal(self._ring, group, raw, Catalogue)
                if catalogue.backend != backend:
                    raise ForgedMessage("the catalogue lies under another backend's name")
            except ForgedMessage as forged:
                self._refused("catalogue", forged.detail)
                return
            known = self.shelves.get(backend)
            if known is not None and known.hash == catalogue.hash:
                return  # read meanwhile, for another heartbeat
            if self._is_current(catalogue):
                names = await self._read(group, catalogue)
                if self._is_current(catalogue):
                    self._take_over(names)

    def _is_current(self, catalogue: Catalogue) -> bool:
        """Whether it may be what runs: not an older one that was put back, nor one of a worker that is gone by now."""
        backend = catalogue.backend
        announced = {w.catalogues[backend] for w in self._workers.values() if backend in w.catalogues} - {""}
        return not announced or catalogue.hash in announced

    async def _read(self, group: str, catalogue: Catalogue) -> BackendNames:
        """Thousands of tools take a while: calls go on meanwhile."""
        loop = asyncio.get_running_loop()
        pause_at = loop.time() + _READ_S
        tools = {}
        for name, tool in tools_of(group, catalogue, self.shelves.get(catalogue.backend), self._limits):
            tools[name] = tool
            if loop.time() >= pause_at:
                await asyncio.sleep(0)
                pause_at = loop.time() + _READ_S
        backend = catalogue.backend
        names = BackendNames(Shelf(group, catalogue, tools), self.entries[backend].aliases, self.entries, self._promotion)
        await asyncio.sleep(0)
        return names

    def _take_over(self, names: BackendNames) -> None:
        shelf, backend = names.shelf, names.shelf.backend
        former = self.shelves.get(backend)
        kinds = shelf.differs(former)
        shelves = self.shelves | {backend: shelf}
        self.shelves = {name: shelves[name] for name in sorted(shelves)}
        self.names = self.names | {backend: names}
        self.name_space = name_space(self.shelves, self.names)
        every = self.shelves.values()
        self.prompts = _in_order({name: (shelf, item) for shelf in every for name, item in shelf.outer_prompts().items()})
        self.resources = _in_order({uri: item for shelf in every for uri, item in shelf.outer_resources().items()})
        self.templates = _in_order({uri: item for shelf in every for uri, item in shelf.outer_templates().items()})
        log.info("catalogue taken over", backend=backend, tools=len(shelf.tools), catalogue=shelf.hash)
        tell_of(names)
        if kinds:
            self._changed(backend, kinds, former)


def _in_order(table: dict[str, V]) -> dict[str, V]:
    return {name: table[name] for name in sorted(table)}
