"""Which resources a session has subscribed, kept in line with what is wanted (MCP 2025-11-25, server/resources)."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import structlog

from shared.errors import MeshError, UpstreamError
from shared.settings import Settings
from workers.backends.mcp_http.answer import SessionLost
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_http.sessions import Sessions
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.message import ignore

log = structlog.get_logger()

_SUBSCRIBE = "resources/subscribe"
_UNSUBSCRIBE = "resources/unsubscribe"
_encode = msgspec.json.Encoder().encode


class Subscriptions:
    """Those of one backend."""

    def __init__(
        self,
        sessions: Sessions,
        exchange: Exchange,
        settings: Settings,
        ids: Iterator[int],
        again: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._exchange = exchange
        self._settings = settings
        self._ids = ids
        self._again = again
        """Called a while after a failure: it is to be tried again."""

    async def align(self, session: Session, wanted: frozenset[str]) -> None:
        """Subscribe what is missing and unsubscribe what is too much. Never raises MeshError."""
        if not session.telling.updates:
            return
        steps = [(_UNSUBSCRIBE, uri) for uri in sorted(session.watched - wanted)]
        steps += [(_SUBSCRIBE, uri) for uri in sorted(wanted - session.watched)]
        for method, uri in steps:
            try:
                await self._ask(session, method, uri)
            except UpstreamError as refused:
                # It counts as done: asking again would be refused again.
                log.debug("a subscription was refused", method=method, uri=uri, cause=str(refused.data))
            except SessionLost:
                self._sessions.lose(session)
                return
            except (MeshError, TimeoutError) as cause:
                log.debug("a subscription failed", method=method, uri=uri, cause=str(cause))
                asyncio.get_running_loop().call_later(self._settings.upstream_follow_retry_s, self._again)
                return
            if method == _SUBSCRIBE:
                session.watched.add(uri)
            else:
                session.watched.discard(uri)

    async def _ask(self, session: Session, method: str, uri: str) -> None:
        request = wire.request(next(self._ids), method, modern=False, params=b'"uri":' + _encode(uri))
        async with asyncio.timeout(self._settings.upstream_handshake_s):
            await self._exchange.send(session, request, ignore)
