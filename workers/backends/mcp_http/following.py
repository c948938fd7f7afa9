"""Following an upstream's changes: its stream of notifications, and a new listing after a while in any case.

2025 era: the GET stream of a session (basic/transports, "Listening for messages from the server"). Modern era:
`subscriptions/listen` (MCP 2026-07-28, SEP-2575). Nothing is replayed, so a stream that is opened again means a change.
"""

import asyncio
from collections.abc import Callable, Iterator

import aiohttp
import structlog
from msgspec import UNSET

from shared.errors import MeshError
from shared.settings import Settings
from workers.backends.mcp_http.answer import follow_stream, is_stream
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.handshake import Session
from workers.backends.mcp_http.sessions import Sessions
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.message import Message

log = structlog.get_logger()

_FIRST_RETRY_S = 0.5
_TTL_MIN_S = 5.0
_LISTEN = b'"notifications":{"toolsListChanged":true}'


class Following:
    """Tells when the tools of one backend may have changed."""

    def __init__(
        self, connection: Connection, sessions: Sessions, exchange: Exchange, settings: Settings, ids: Iterator[int]
    ) -> None:
        self._connection = connection
        self._sessions = sessions
        self._exchange = exchange
        self._settings = settings
        self._ids = ids
        self._changed: Callable[[], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._relist: asyncio.TimerHandle | None = None
        self._pending: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")
        self._followed_before = False
        self._streaming = False

    def start(self, changed: Callable[[], None]) -> None:
        """Follow from now on, as soon as something else has connected."""
        self._changed = changed
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        self._changed = None
        for timer in (self._relist, self._pending):
            if timer is not None:
                timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def note_listed(self, ttl_s: float | None) -> None:
        """The tools were listed just now, and the upstream said how long that is good for."""
        if self._relist is not None:
            self._relist.cancel()
        pause_s = self._settings.upstream_relist_s
        if ttl_s is not None and not self._streaming:
            pause_s = min(max(ttl_s, _TTL_MIN_S), pause_s)
        self._relist = asyncio.get_running_loop().call_later(pause_s, self.tell)

    def tell(self) -> None:
        """The tools may have changed. However often this is called, it is passed on once in a while only."""
        if self._pending is not None or self._changed is None:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._told_at + self._settings.upstream_changes_s - loop.time()
        self._pending = loop.call_later(max(wait_s, 0), self._pass_on)

    def _pass_on(self) -> None:
        self._pending = None
        self._told_at = asyncio.get_running_loop().time()
        if self._changed is not None:
            self._changed()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        retry_s = _FIRST_RETRY_S
        longest_s = self._settings.upstream_follow_retry_s
        while True:
            await self._sessions.opened.wait()
            session = self._sessions.any()
            began = loop.time()
            if session is None or not session.can_follow:
                await asyncio.sleep(longest_s)
                continue
            try:
                await self._stream(session)
            except MeshError as cause:
                log.debug("the stream of changes ended", cause=cause.detail)
            except Exception:
                log.exception("following an upstream's changes failed; it is tried again")
            finally:
                self._streaming = False
            retry_s = _FIRST_RETRY_S if loop.time() - began > longest_s else min(retry_s * 2, longest_s)
            await asyncio.sleep(retry_s)

    async def _stream(self, session: Session) -> None:
        """Follow one stream to its end. Raises MeshError when it breaks."""
        request_id = next(self._ids)
        response = await self._open(session, request_id)
        try:
            if not self._may_read(response, session):
                return
            hearing = Hearing(
                changed=self.tell,
                requests_max=self._settings.upstream_requests_max,
                reply=self._exchange.replier(session),
            )

            async def take(message: Message) -> bool:
                if message.method is not UNSET:
                    await hearing(message)
                return message.method is UNSET and message.id == request_id

            if self._followed_before:
                self.tell()
            self._followed_before = True
            self._streaming = True
            await follow_stream(response, self._settings, take, endless=True)
        finally:
            response.close()

    async def _open(self, session: Session, request_id: int) -> aiohttp.ClientResponse:
        if not session.modern:
            return await self._connection.get(session.headers)
        asked = wire.request(request_id, "subscriptions/listen", modern=True, params=_LISTEN)
        return await self._connection.post({**session.headers, **asked.headers}, asked.body)

    def _may_read(self, response: aiohttp.ClientResponse, session: Session) -> bool:
        if response.status == 200 and is_stream(response):
            return True
        if response.status == 404 and session.id is not None:
            self._sessions.lose(session)
            self.tell()  # listing the tools opens a session again
        elif response.status < 500:
            session.can_follow = False
        return False
