"""What the mesh knows of this worker: its backends' catalogues, and that it is alive."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.catalogue import Catalogue, catalogue_hash
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import BrokerUnavailable, MeshError
from shared.health_file import touch
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import BackendState, Heartbeat
from shared.settings import Settings
from workers.backends.backend import Offer
from workers.changes import Changes, Kind
from workers.served import Served

log = structlog.get_logger()

_BACK_OFF_S_MIN = 0.5
_BACK_OFF_S_MAX = 10.0
_QUEUE_HEALTH_S = 15.0
_REPUBLISH_S = 3600.0


class Presence:
    """Keeps the tools of all served backends listed, published, and the heartbeat going."""

    def __init__(
        self,
        served: dict[str, Served],
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        settings: Settings,
        *,
        worker_id: str,
        queues: list[str],
        changes: Changes,
        opened: Callable[[], Awaitable[None]],
    ) -> None:
        """`opened`: a backend takes calls from now on. Raises BrokerUnavailable."""
        self._served = served
        self._line = line
        self._ring = ring
        self._clock = clock
        self._settings = settings
        self._worker_id = worker_id
        self._queues = queues
        self._changes = changes
        self._opened = opened
        self._groups = sorted({s.entry.group for s in served.values()})
        self._heart_due = asyncio.Event()

    async def keep_listed(self, served: Served) -> None:
        """List the tools of one backend, now and whenever they may have changed. Runs for ever."""
        changed = asyncio.Event()
        back_off_s = _BACK_OFF_S_MIN
        started = False
        while True:
            changed.clear()
            try:
                if not started:
                    await served.backend.start(changed.set, partial(self._changes.update, served.entry.name))
                    started = True
                await self._take_over(served, await served.backend.list_all())
            except MeshError as error:
                self._settle(served, "failed", error.detail)
                log.warning("backend not listed", backend=served.entry.name, reason=error.detail)
                wait_s = back_off_s * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)
                back_off_s = min(back_off_s * 2, _BACK_OFF_S_MAX)
            except Exception:
                self._settle(served, "failed", "The backend failed inside ToolMesh; see the worker's log.")
                log.exception("listing failed", backend=served.entry.name)
                wait_s = _BACK_OFF_S_MAX
            else:
                self._settle(served, "up", "")
                back_off_s = _BACK_OFF_S_MIN
                wait_s = _REPUBLISH_S
            try:
                async with asyncio.timeout(wait_s):
                    await changed.wait()
            except TimeoutError:
                pass

    def _settle(self, served: Served, state: str, detail: str) -> None:
        if (served.state, served.detail) != (state, detail):
            served.state, served.detail = state, detail  # type: ignore[assignment]
            self._heart_due.set()

    async def _take_over(self, served: Served, offer: Offer) -> None:
        """Serve this offer from now on, and tell the edges."""
        tools = offer.tools
        others = (offer.prompts, offer.resources, offer.templates, (offer.server,))
        digest = catalogue_hash(tools, *(b"\n".join(items) for items in others))
        if served.catalogue is None or served.catalogue.hash != digest:
            log.info("tools listed", backend=served.entry.name, tools=len(tools), catalogue=digest)
        before = served.catalogue
        served.tools = {tool.name: tool for tool in tools}
        served.catalogue = Catalogue(
            backend=served.entry.name,
            at_ms=self._clock.now_ms(),
            hash=digest,
            tools=tools,
            prompts=offer.prompts,
            resources=offer.resources,
            templates=offer.templates,
            server=offer.server,
        )
        await self._publish(served)
        self._heart_due.set()  # the heartbeat names the catalogue, and edges fetch what it names
        if before is None:
            # Else its first calls would lie until the next sweep: the wait for the bells began without its own.
            with suppress(BrokerUnavailable, ResponseError):
                await self._opened()
        if before is not None and (kinds := _differing(before, served.catalogue)):
            # After the heartbeat: who hears of a change and lists again is to find it.
            with suppress(BrokerUnavailable):
                await self._beat_once(goodbye=False)
            await self._changes.tell(served.entry.name, kinds)

    async def _publish(self, served: Served) -> None:
        if served.catalogue is None:
            return
        group, name = served.entry.group, served.entry.name
        message = seal(self._ring, group, served.catalogue)
        try:
            await self._line.cmd("SET", keys.catalogue(group, name), message, "PX", keys.CATALOGUE_TTL_S * 1000)
        except BrokerUnavailable:
            log.info("catalogue waits for the broker", backend=name)

    async def publish_all(self) -> None:
        """Publish everything again: the broker may have come back empty."""
        for served in self._served.values():
            await self._publish(served)

    async def beat(self) -> None:
        """Heartbeat for ever, at once when something changed."""
        queue_health_due = 0.0
        while True:
            try:
                await self._beat_once(goodbye=False)
                touch(self._settings.health_file)
                now = asyncio.get_running_loop().time()
                if now >= queue_health_due:
                    queue_health_due = now + _QUEUE_HEALTH_S
                    await self._report_queues()
            except BrokerUnavailable:
                pass
            self._heart_due.clear()
            try:
                async with asyncio.timeout(self._settings.heartbeat_s):
                    await self._heart_due.wait()
            except TimeoutError:
                pass

    async def say_goodbye(self) -> None:
        """Tell the edges that this worker takes no calls any more."""
        with suppress(BrokerUnavailable):
            await self._beat_once(goodbye=True)

    async def _beat_once(self, *, goodbye: bool) -> None:
        now_ms = self._clock.now_ms()
        life_ms = int(self._settings.heartbeat_ttl_s * 1000)
        for group in self._groups:
            states = tuple(
                BackendState(
                    name=s.entry.name,
                    state=s.state,
                    detail=s.detail[:300],
                    catalogue=s.catalogue.hash if s.catalogue else "",
                )
                for s in self._served.values()
                if s.entry.group == group and not goodbye
            )
            message = seal(self._ring, group, Heartbeat(worker=self._worker_id, at_ms=now_ms, backends=states))
            name = keys.heartbeat(group, self._worker_id)
            # Without the key, what waits in this worker's parts of queues is anybody's.
            kept = ("DEL", name) if goodbye else ("SET", name, message, "PX", life_ms)
            self._line.cmd(*kept).add_done_callback(_quiet)
            roll = keys.workers(group)
            self._line.cmd("ZADD", roll, now_ms + life_ms, self._worker_id).add_done_callback(_quiet)
            self._line.cmd("ZREMRANGEBYSCORE", roll, "-inf", now_ms).add_done_callback(_quiet)
            self._line.cmd("PEXPIRE", roll, life_ms).add_done_callback(_quiet)
            await self._line.cmd("PUBLISH", keys.HEARTBEATS, message)

    async def _report_queues(self) -> None:
        """arq's health-check key, for arq's tools."""
        life_ms = int((_QUEUE_HEALTH_S + 1) * 1000)
        for queue in self._queues:
            self._line.cmd("SET", keys.queue_health(queue), self._worker_id, "PX", life_ms).add_done_callback(_quiet)


def _differing(before: Catalogue, after: Catalogue) -> list[Kind]:
    """Which lists are not the same."""
    kinds: list[Kind] = []
    if before.tools != after.tools:
        kinds.append("tools")
    if before.prompts != after.prompts:
        kinds.append("prompts")
    if (before.resources, before.templates) != (after.resources, after.templates):
        kinds.append("resources")
    return kinds


def _quiet(future: asyncio.Future[object]) -> None:
    if not future.cancelled():
        future.exception()
