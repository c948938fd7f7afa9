"""The composition root: what an edge is made of, its routes and its life, as plain data."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from edge.admit import Gate
from edge.authenticate import Authenticator
from edge.calls import Calls
from edge.directory import Directory
from edge.edges_channel import EdgesChannel
from edge.endpoint import McpEndpoint
from edge.exchange import Exchange
from edge.finishing import Finisher
from edge.front_door import FrontDoor
from edge.health import livez, readyz
from edge.introduction import Introduction
from edge.listing import Listing
from edge.methods import Methods
from edge.oauth.metadata import not_found, protected_resource, resource_metadata_url
from edge.outgoing import Outbox
from edge.problems import INVALID_REQUEST, Refusal
from edge.rate import Rate
from edge.relay import Relay
from edge.request_state import RequestStates
from edge.respond import Responder
from edge.sessions import Sessions
from shared import keys
from shared.audit import denied_record, refused_record
from shared.clock import BrokerClock
from shared.configuration import ApiKeyEntry, BackendEntry
from shared.errors import BrokerUnavailable, ConfigurationError
from shared.functions import ensure_functions
from shared.identity import Principal
from shared.line import RedisLine
from shared.settings import Settings
from shared.subscription import Subscription

log = structlog.get_logger()

_CLOCK_S = 10.0
_STRANGERS_PER_S = 20
"""Requests without a valid key that are recorded one by one; of a flood, the rest is only answered."""


class Edge:
    """One edge process: its connections to the mesh, and the application that it serves."""

    def __init__(
        self, settings: Settings, entries: tuple[BackendEntry, ...], api_keys: tuple[ApiKeyEntry, ...], port: int
    ) -> None:
        if settings.mesh_keys is None:
            raise ConfigurationError("An edge needs TOOLMESH_MESH_KEYS (group:keyid:base64key[,…] or a file with it).")
        url = settings.redis_url.reveal()
        public_url = settings.issuer or f"http://127.0.0.1:{port}"
        self.edge_id = f"e-{secrets.token_hex(6)}"
        self.refused = 0
        """Messages from the mesh that were thrown away because they were forged."""
        self.draining = False
        self._strangers = Rate(_STRANGERS_PER_S)
        self._line = RedisLine(url, pending_max=settings.redis_pending_max, timeout_s=settings.redis_timeout_s)
        self._clock = BrokerClock()
        self._relay = Relay(
            self._line,
            settings.mesh_keys,
            self.edge_id,
            events_max=settings.call_events_max,
            refused=self._note_refusal,
        )
        self._directory = Directory(
            entries,
            settings.mesh_keys,
            self._line,
            self._clock,
            heartbeat_ttl_s=settings.heartbeat_ttl_s,
            refused=self._note_refusal,
        )
        self._subscription = Subscription(
            url,
            [self._relay.channel, keys.HEARTBEATS],
            self._on_message,
            self._recover,
            timeout_s=settings.redis_timeout_s,
        )
        states = RequestStates(settings.mesh_keys, settings.input_wait_s)
        outbox = Outbox(self._directory, states)
        calls = Calls(
            self._directory, self._relay, self._line, settings.mesh_keys, self._clock, settings, in_touch=self._in_touch
        )
        introduction = Introduction(self._directory)
        self._edges = EdgesChannel(self._line, settings.mesh_keys, self._clock, self.edge_id, refused=self._note_refusal)
        self._sessions = Sessions(
            self._line, settings.mesh_keys, self._clock, settings, self._edges, refused=self._note_refusal
        )
        correspondence = _NoCorrespondence()
        endpoint = McpEndpoint(
            Gate(settings, public_url, port),
            Authenticator(settings, api_keys),
            outbox,
            calls,
            Methods(
                Listing(self._directory, settings.list_page_tools),
                introduction,
                outbox,
                self._sessions,
                list_ttl_ms=settings.list_ttl_ms,
            ),
            introduction,
            self._sessions,
            correspondence,
            Responder(calls, correspondence, Finisher(states), settings),
            settings,
            backends=frozenset(entry.name for entry in entries),
            standing=_no_stream,
            listen=_no_stream,
            resource_metadata=resource_metadata_url(public_url),
            denied=self._note_denial,
        )
        metadata = protected_resource(public_url)
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
        self.app = FrontDoor({"/mcp": endpoint, "/mcp/": endpoint}, {"/mcp/b/": endpoint}, rest)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        await self._wait_for_broker()
        self._line.on_connect.append(self._greet)
        await self._subscription.open()
        time_keeper = asyncio.create_task(self._keep_time())
        asyncio.get_running_loop().call_later(2.0, _freeze)
        log.info("edge started", tools=len(self._directory.tools))
        try:
            yield
        finally:
            time_keeper.cancel()
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
        await ensure_functions(self._line)
        await self._clock.measure(self._line)

    async def _recover(self) -> None:
        """After each (new) subscription: read what may have been missed."""
        with suppress(BrokerUnavailable):
            await self._directory.load()
            await self._relay.recover()

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_CLOCK_S)
            with suppress(BrokerUnavailable):
                await self._clock.measure(self._line)

    def _on_message(self, channel: str, data: bytes) -> None:
        if channel == self._relay.channel:
            self._relay.on_message(data)
        else:
            self._directory.on_heartbeat(data)

    def _is_ready(self) -> tuple[bool, str]:
        if self.draining:
            return False, "draining"
        return (True, "") if self._in_touch() else (False, "the broker is away")

    def _in_touch(self) -> bool:
        return self._line.connected and self._subscription.live

    def _note_refusal(self, kind: str, detail: str) -> None:
        self.refused += 1
        log.warning("message refused", kind=kind, reason=detail, refused=self.refused)
        self._record(refused_record(kind, self.edge_id, self._clock.now_ms(), detail))

    def _note_denial(self, code: str, principal: Principal | None, tool: str, detail: str) -> None:
        if principal is None and not self._strangers.admits():
            return  # a flood of strangers must not push the records of calls out of the stream
        log.info("request denied", code=code, subject=principal.subject if principal else None, tool=tool or None)
        self._record(denied_record(code, self.edge_id, self._clock.now_ms(), principal, tool, detail))

    def _record(self, record: bytes) -> None:
        future = self._line.cmd("XADD", keys.AUDIT_STREAM, "MAXLEN", "~", keys.AUDIT_STREAM_MAX, "*", "r", record)
        future.add_done_callback(_log_failure)


def _log_failure(future: asyncio.Future[object]) -> None:
    if not future.cancelled() and (error := future.exception()) is not None:
        log.error("audit record lost", reason=type(error).__name__)


def _freeze() -> None:
    """Take what start-up made out of the collector's sight: its pauses are the tail of the latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


class _NoCorrespondence:
    async def answer(self, session: object, rid: str, body: bytes) -> None: ...
    async def cancel(self, session: object, rid: object) -> None: ...
    def note_request(self, exchange: Exchange, running: object) -> str:
        return ""

    async def note_question(self, exchange: Exchange, running: object, rid: str) -> None: ...


async def _no_stream(exchange: Exchange) -> None:
    raise Refusal(405, INVALID_REQUEST, "Not built yet.")
