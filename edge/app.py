"""The composition root: what an edge is made of, its routes and its life, as plain data."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import structlog
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from edge.accepted.limits import limits_of
from edge.admit import Gate
from edge.alive import Alive
from edge.authorize import Authorizer
from edge.blobs import BlobEndpoint
from edge.directory import Directory
from edge.door import Door
from edge.endpoint import McpEndpoint
from edge.front_door import FrontDoor
from edge.handling import Handling
from edge.health import livez, readyz
from edge.in_touch import InTouch
from edge.lenience import Lenience
from edge.listed_before import ListedBefore
from edge.mesh import Mesh
from edge.names import OWN_NAMES, SEARCH_FETCH
from edge.outgoing import Outbox
from edge.recorder import Recorder
from edge.relay import Relay
from edge.request_state import RequestStates
from edge.sessions.lasting import Lasting
from edge.shelf import Shelf
from edge.strictness import Strictness
from shared import keys
from shared.authorization_file import watched_rules
from shared.blobs import PATH
from shared.clock import BrokerClock
from shared.code_mode import CODE, offers_code
from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable, ConfigurationError
from shared.line import RedisLine
from shared.settings import Settings
from shared.subscription import Subscription

log = structlog.get_logger()


class Edge:
    """One edge process: its connections to the mesh, and the application that it serves."""

    def __init__(self, settings: Settings, entries: tuple[BackendEntry, ...], port: int) -> None:
        """Raises ConfigurationError."""
        if settings.mesh_keys is None:
            raise ConfigurationError("An edge needs TOOLMESH_MESH_KEYS (group:keyid:base64key[,…] or a file with it).")
        url = settings.redis_url.reveal()
        self._public_url = settings.issuer or f"http://127.0.0.1:{port}"
        self._ring = settings.mesh_keys
        self.edge_id = f"e-{secrets.token_hex(6)}"
        self.draining = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._line = RedisLine(url, pending_max=settings.redis_pending_max, timeout_s=settings.redis_timeout_s)
        self._clock = BrokerClock()
        self._recorder = Recorder(
            self._line, self._clock, self.edge_id, strangers_per_s_max=settings.strangers_recorded_per_s_max
        )
        refused = self._recorder.refused
        self._relay = Relay(self._line, self._ring, self.edge_id, events_max=settings.call_events_max, refused=refused)
        self._directory = Directory(
            entries,
            self._ring,
            self._line,
            self._clock,
            heartbeat_ttl_s=settings.heartbeat_ttl_s,
            refused=refused,
            changed=self._on_catalogue,
            limits=limits_of(settings),
            unlisted=(CODE,) if offers_code(settings) else (),
            ours=OWN_NAMES | SEARCH_FETCH if settings.search_fetch else OWN_NAMES,
        )
        self._rules = watched_rules(settings, changed=lambda rules: self._lasting.on_rules())
        self._authorizer = Authorizer(lambda: self._rules.value, self._directory)
        states = RequestStates(self._ring, settings.input_wait_s)
        strictness, lenience = Strictness(settings), Lenience(settings.lenient_clients)
        outbox = Outbox(self._directory, self._authorizer, states, strictness, lenience)
        self._lasting = self._lasting_over(settings, outbox)
        self._listed_before = ListedBefore(self._line, self._ring, self._directory, settings, refused=refused)
        self._alive = Alive(
            self._line,
            self.edge_id,
            heartbeat_s=settings.heartbeat_s,
            ttl_s=settings.heartbeat_ttl_s,
            owes_word=lambda: self._handling.waiting.owes_word,
        )
        self._subscription = Subscription(
            url,
            [self._relay.channel, keys.HEARTBEATS, keys.INNER_CANCELS, *self._lasting.channels],
            self._on_message,
            self._recover,
            timeout_s=settings.redis_timeout_s,
        )
        self._in_touch = InTouch(
            self._line, self._clock, self._subscription, self._alive, reached=lambda: self._handling.recovery.on_connect()
        )
        gate = Gate(settings, self._public_url, port)
        self._door = self._open_to(settings, gate)
        self._handling = Handling(
            self._mesh(settings),
            gate,
            self._door,
            self._lasting,
            outbox,
            states,
            self._public_url,
            in_touch=lambda: self._in_touch.now,
        )
        self._blobs = BlobEndpoint(self._line, self._ring, settings)
        self.app = self._front_door(self._handling.endpoint)

    def _lasting_over(self, settings: Settings, outbox: Outbox) -> Lasting:
        return Lasting(
            self._line,
            self._ring,
            self._clock,
            self._directory,
            self._authorizer,
            outbox.resolve,
            settings,
            self.edge_id,
            refused=self._recorder.refused,
        )

    def _mesh(self, settings: Settings) -> Mesh:
        return Mesh(
            edge_id=self.edge_id,
            settings=settings,
            ring=self._ring,
            line=self._line,
            clock=self._clock,
            recorder=self._recorder,
            relay=self._relay,
            directory=self._directory,
            authorizer=self._authorizer,
        )

    def _open_to(self, settings: Settings, gate: Gate) -> Door:
        return Door(
            settings,
            self._ring,
            self._line,
            self._clock,
            self._recorder,
            gate,
            self._public_url,
            admits_anonymous=lambda: self._rules.value.admits_anonymous,
        )

    def _front_door(self, endpoint: McpEndpoint) -> FrontDoor:
        legacy = self._lasting.legacy_sse(endpoint, urlsplit(self._public_url).path.rstrip("/"))
        rest = Starlette(
            routes=[
                Route("/livez", livez),
                Route("/readyz", readyz(self._is_ready)),
                *self._door.routes(),
            ],
            lifespan=self._lifespan,
        )
        rest.router.redirect_slashes = False
        endpoints: dict[str, ASGIApp] = {
            "/mcp": endpoint,
            "/mcp/": endpoint,
            "/sse": legacy.sse,
            "/sse/": legacy.sse,
            "/messages": legacy.messages,
            "/messages/": legacy.messages,
        }
        return FrontDoor(endpoints, {"/mcp/b/": endpoint, PATH: self._blobs}, rest)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        await self._in_touch.open(lambda: self.draining)
        await self._door.open(lambda: self.draining)
        jobs = (
            self._clock.keep_measured(self._line),
            self._alive.keep_beating(),
            self._rules.keep_current(),
            self._listed_before.keep(),
            *self._door.jobs(),
        )
        beside = [asyncio.create_task(job) for job in jobs]
        self._lasting.start()
        self._handling.inner.start()
        asyncio.get_running_loop().call_later(2.0, _freeze)
        log.info("edge started", tools=len(self._directory.name_space.tools))
        self._handling.say_what_is_missing()
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            self._alive.end()
            await self._handling.close()
            self._lasting.stop()
            self._listed_before.stop()
            await self._door.close()
            await self._in_touch.close()
            log.info("edge stopped")

    async def _recover(self) -> None:
        """After each (new) subscription: read what may have been missed."""
        with suppress(BrokerUnavailable):
            await self._directory.load()
            await self._relay.recover()
        self._lasting.recover()

    def _on_catalogue(self, backend: str, kinds: frozenset[str], former: Shelf | None) -> None:
        self._lasting.on_catalogue(backend, kinds, former)
        if "tools" in kinds:
            self._listed_before.on_catalogue(backend)
            self._handling.on_tools()

    def _on_message(self, channel: str, data: bytes) -> None:
        if channel == self._relay.channel:
            self._relay.on_message(data)
        elif channel == keys.HEARTBEATS:
            self._directory.on_heartbeat(data)
        elif channel == keys.INNER_CANCELS:
            self._handling.inner.on_cancel(data)
        else:
            self._lasting.on_message(channel, data)

    def drain(self) -> None:
        """It was told to stop (a signal handler calls this): standing streams end, and their clients go to another edge."""
        self.draining = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._lasting.drain)
            self._loop.call_soon_threadsafe(self._handling.inner.drain)

    def _is_ready(self) -> tuple[bool, str]:
        if self.draining:
            return False, "draining"
        return (True, "") if self._in_touch.now else (False, "the broker is away")


def _freeze() -> None:
    """Take what start-up made out of the collector's sight: its pauses are the tail of the latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
