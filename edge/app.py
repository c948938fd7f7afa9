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

from edge.admit import Gate
from edge.alive import Alive
from edge.authenticate import Authenticator
from edge.calls import Calls
from edge.dead_letters import DeadLetters
from edge.directory import Directory
from edge.endpoint import McpEndpoint
from edge.finishing import Finisher
from edge.front_door import FrontDoor
from edge.guard import Guard
from edge.handles.afterwards import Afterwards
from edge.handles.handles import Handles
from edge.health import livez, readyz
from edge.introduction import Introduction
from edge.listing import Listing
from edge.methods import Methods
from edge.oauth.metadata import not_found, protected_resource, resource_metadata_url
from edge.outgoing import Outbox
from edge.recorder import Recorder
from edge.recovery import Recovery
from edge.relay import Relay
from edge.request_state import RequestStates
from edge.respond import Responder
from edge.sessions.lasting import Lasting
from edge.waiting import Waiting
from shared import keys
from shared.clock import BrokerClock
from shared.configuration import ApiKeyEntry, BackendEntry
from shared.errors import BrokerUnavailable, ConfigurationError
from shared.functions import ensure_functions
from shared.jobs import RETRY
from shared.line import RedisLine
from shared.settings import Settings
from shared.subscription import Subscription

log = structlog.get_logger()

_CLOCK_S = 10.0


class Edge:
    """One edge process: its connections to the mesh, and the application that it serves."""

    def __init__(
        self, settings: Settings, entries: tuple[BackendEntry, ...], api_keys: tuple[ApiKeyEntry, ...], port: int
    ) -> None:
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
        self._recorder = Recorder(self._line, self._clock, self.edge_id)
        self._relay = Relay(
            self._line,
            self._ring,
            self.edge_id,
            events_max=settings.call_events_max,
            refused=self._recorder.refused,
        )
        self._directory = Directory(
            entries,
            self._ring,
            self._line,
            self._clock,
            heartbeat_ttl_s=settings.heartbeat_ttl_s,
            refused=self._recorder.refused,
            changed=lambda backend, kinds: self._lasting.on_catalogue(backend, kinds),
        )
        states = RequestStates(self._ring, settings.input_wait_s)
        outbox = Outbox(self._directory, states)
        self._lasting = Lasting(
            self._line,
            self._ring,
            self._clock,
            self._directory,
            outbox.resolve,
            settings,
            self.edge_id,
            refused=self._recorder.refused,
        )
        self._alive = Alive(
            self._line,
            self.edge_id,
            heartbeat_s=settings.heartbeat_s,
            ttl_s=settings.heartbeat_ttl_s,
            owes_word=lambda: self._waiting.owes_word,
        )
        self._subscription = Subscription(
            url,
            [self._relay.channel, keys.HEARTBEATS, *self._lasting.channels],
            self._on_message,
            self._recover,
            timeout_s=settings.redis_timeout_s,
        )
        gate = Gate(settings, self._public_url, port)
        guard = Guard(
            gate,
            Authenticator(settings, api_keys),
            self._recorder.denied,
            resource_metadata=resource_metadata_url(self._public_url),
        )
        endpoint = self._endpoint(settings, guard, gate, states, outbox)
        self.app = self._front_door(endpoint)

    def _endpoint(self, settings: Settings, guard: Guard, gate: Gate, states: RequestStates, outbox: Outbox) -> McpEndpoint:
        ring = self._ring
        handles = Handles(self._line, ring, self._clock, settings, refused=self._recorder.refused)
        calls = Calls(
            self._directory,
            self._relay,
            self._line,
            ring,
            self._clock,
            settings,
            self._recorder,
            in_touch=self._in_touch,
            hand_after_s=handles.budget.after_s,
        )
        self._waiting = Waiting(self._line, ring, self._clock, calls.limits, self.edge_id, grace_s=settings.cancel_grace_s)
        self._recovery = Recovery(calls, self._relay, self._line, self._recorder, grace_s=settings.holder_grace_s)
        dead_letters = DeadLetters(
            self._directory,
            calls,
            self._line,
            ring,
            self._clock,
            settings,
            self.edge_id,
            refused=self._recorder.refused,
            record=self._recorder.record,
        )
        introduction = Introduction(self._directory)
        responder = Responder(calls, self._waiting, self._lasting.requests, Finisher(states), handles, settings)
        after = Afterwards(handles, self._directory, self._relay, outbox, calls, responder, settings)
        return McpEndpoint(
            guard,
            gate,
            outbox,
            calls,
            Methods(
                Listing(self._directory, settings.list_page_tools, after.mesh_wait.listed),
                introduction,
                outbox,
                self._lasting.sessions,
                list_ttl_ms=settings.list_ttl_ms,
                owners={RETRY: dead_letters.retry},
                tasks=after.tasks.methods,
                cuts=handles.budget.cuts,
            ),
            introduction,
            self._lasting.sessions,
            self._lasting.requests,
            responder,
            after.mesh_wait,
            settings,
            backends=frozenset(self._directory.entries),
            standing=self._lasting.standing(self._relay, responder).answer,
            listen=self._lasting.listening.answer,
            denied=self._recorder.denied,
        )

    def _front_door(self, endpoint: McpEndpoint) -> FrontDoor:
        legacy = self._lasting.legacy_sse(endpoint, urlsplit(self._public_url).path.rstrip("/"))
        metadata = protected_resource(self._public_url)
        rest = Starlette(
            routes=[
                Route("/livez", livez),
                Route("/readyz", readyz(self._is_ready)),
                Route("/.well-known/oauth-protected-resource", metadata),
                Route("/.well-known/oauth-protected-resource/mcp", metadata),
                Route("/.well-known/{rest:path}", not_found),
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
        return FrontDoor(endpoints, {"/mcp/b/": endpoint}, rest)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        await self._wait_for_broker()
        self._line.on_connect.append(self._greet)
        await self._subscription.open()
        beside = [asyncio.create_task(self._keep_time()), asyncio.create_task(self._alive.keep_beating())]
        self._lasting.start()
        asyncio.get_running_loop().call_later(2.0, _freeze)
        log.info("edge started", tools=len(self._directory.tools))
        try:
            yield
        finally:
            for task in beside:
                task.cancel()
            self._alive.end()
            self._waiting.close()
            self._recovery.close()
            self._lasting.stop()
            await self._subscription.close()
            await self._line.close()
            log.info("edge stopped")

    async def _wait_for_broker(self) -> None:
        while True:
            try:
                await self._line.open()
                await self._greet()
            except BrokerUnavailable as error:
                if self.draining:
                    raise
                log.warning("waiting for the broker", reason=error.detail)
                await asyncio.sleep(1)
            else:
                return

    async def _greet(self) -> None:
        self._alive.beat()
        await ensure_functions(self._line)
        await self._clock.measure(self._line)
        self._recovery.on_connect()

    async def _recover(self) -> None:
        """After each (new) subscription: read what may have been missed."""
        with suppress(BrokerUnavailable):
            await self._directory.load()
            await self._relay.recover()
        self._lasting.recover()

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_S)
            with suppress(BrokerUnavailable):
                await self._clock.measure(self._line)

    def _on_message(self, channel: str, data: bytes) -> None:
        if channel == self._relay.channel:
            self._relay.on_message(data)
        elif channel == keys.HEARTBEATS:
            self._directory.on_heartbeat(data)
        else:
            self._lasting.on_message(channel, data)

    def drain(self) -> None:
        """It was told to stop (a signal handler calls this): standing streams end, and their clients go to another edge."""
        self.draining = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._lasting.drain)

    def _is_ready(self) -> tuple[bool, str]:
        if self.draining:
            return False, "draining"
        return (True, "") if self._in_touch() else (False, "the broker is away")

    def _in_touch(self) -> bool:
        return self._line.connected and self._subscription.live


def _freeze() -> None:
    """Take what start-up made out of the collector's sight: its pauses are the tail of the latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
