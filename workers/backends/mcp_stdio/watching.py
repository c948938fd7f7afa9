"""Subscriptions at one server: to its resources that somebody watches, and in the modern era to its lists.

2025 era: `resources/subscribe` for each (server/resources, "Subscriptions"). Modern era: one `subscriptions/listen` for all
(MCP 2026-07-28, SEP-2575), sent again when they change. A server that was started again is subscribed to anew.
"""

import asyncio

import msgspec
import structlog

from shared.errors import MeshError
from shared.settings import Settings
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_stdio.conversation import Conversation

log = structlog.get_logger()

_encode = msgspec.json.Encoder().encode
_LISTS = b'"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true'


class Watching:
    """Keeps the subscriptions at one server as they are wanted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._wanted: frozenset[str] = frozenset()
        self._held: frozenset[str] | None = None
        self._conversation: Conversation | None = None
        self._due = asyncio.Event()
        self._listen: asyncio.Task[None] | None = None

    def want(self, uris: frozenset[str]) -> None:
        """These, and no others."""
        self._wanted = uris
        self._due.set()

    def attach(self, conversation: Conversation | None) -> None:
        """A server that holds no subscriptions yet; None when it is gone."""
        self._conversation = conversation
        self._held = None
        self._due.set()

    async def keep(self) -> None:
        """Subscribe and unsubscribe for ever."""
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                if self._conversation is None:
                    continue
                try:
                    await self._sync(self._conversation)
                except MeshError as error:
                    log.debug("subscribing failed", backend=self._conversation.backend, reason=error.detail)
        finally:
            await self._stop_listening()

    async def _sync(self, conversation: Conversation) -> None:
        wanted, held = self._wanted, self._held
        if wanted == held:
            return
        self._held = wanted
        if conversation.modern:
            await self._stop_listening()
            self._listen = asyncio.create_task(self._listen_to(conversation, wanted))
        elif _can_subscribe(conversation):
            for uri in wanted - (held or frozenset()):
                await self._ask(conversation, "resources/subscribe", uri)
            for uri in (held or frozenset()) - wanted:
                await self._ask(conversation, "resources/unsubscribe", uri)

    async def _ask(self, conversation: Conversation, method: str, uri: str) -> None:
        try:
            async with asyncio.timeout(self._settings.upstream_handshake_s):
                await conversation.ask(method, b'"uri":' + _encode(uri))
        except (MeshError, TimeoutError) as cause:
            log.debug("a subscription failed", backend=conversation.backend, method=method, reason=str(cause))

    async def _listen_to(self, conversation: Conversation, uris: frozenset[str]) -> None:
        resources = b',"resourceSubscriptions":' + _encode(sorted(uris)) if uris else b""
        params = b'"notifications":{%b%b}' % (_LISTS, resources)
        request = wire.request(conversation.next_id(), "subscriptions/listen", modern=True, params=params)
        try:
            await conversation.send(request)
        except MeshError as error:
            log.debug("listening ended", backend=conversation.backend, reason=error.detail)

    async def _stop_listening(self) -> None:
        if self._listen is not None:
            self._listen.cancel()
            await asyncio.gather(self._listen, return_exceptions=True)
            self._listen = None


def _can_subscribe(conversation: Conversation) -> bool:
    resources = conversation.capabilities.get("resources")
    return isinstance(resources, dict) and resources.get("subscribe") is True
