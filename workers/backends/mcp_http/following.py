"""Following what an upstream tells beside its answers: the stream that belongs to no request, kept open.

2025 era: the GET stream of a session (basic/transports, "Listening for messages from the server", "Resumability and
redelivery"), with `resources/subscribe`. Modern era: `subscriptions/listen` (MCP 2026-07-28, SEP-2575). HTTP+SSE: the
session's stream is open anyway. What was missed is not replayed, so a stream that broke and stands again means a change.
"""

import asyncio
from collections.abc import Iterator

import aiohttp
import msgspec
import structlog
from msgspec import UNSET

from shared.errors import MeshError
from shared.settings import Settings
from workers.backends.mcp_http.answer import StreamEnded, follow_stream, is_stream, stream_of
from workers.backends.mcp_http.budget import Budget
from workers.backends.mcp_http.changes import Changes
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.listening import Listening
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_http.sessions import Sessions
from workers.backends.mcp_http.subscriptions import Subscriptions
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.message import Message

log = structlog.get_logger()

_FIRST_RETRY_S = 0.5
_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_encode = msgspec.json.Encoder().encode


class _Stream:
    """One stream being read."""

    def __init__(self) -> None:
        self.stands = asyncio.Event()
        self.reader: asyncio.Task[float | None] | None = None

    async def close(self) -> None:
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)


class Following:
    """Follows one session of a pool, whichever is there."""

    def __init__(
        self,
        connection: Connection,
        sessions: Sessions,
        exchange: Exchange,
        listening: Listening,
        settings: Settings,
        ids: Iterator[int],
        changes: Changes | None,
    ) -> None:
        self._connection = connection
        self._sessions = sessions
        self._listening = listening
        self._settings = settings
        self._ids = ids
        self._subscriptions = Subscriptions(sessions, exchange, settings, ids, self._poke)
        self._changes = changes
        """Where it is told that something was missed; None where nobody is to know."""
        self._task: asyncio.Task[None] | None = None
        self._poked = asyncio.Event()
        self._followed_before = False
        self._broke = False
        """Whether the last stream broke, instead of being ended by the upstream."""
        self._uris: frozenset[str] = frozenset()
        self._refused: frozenset[str] | None = None
        """Resources with which the upstream refused `subscriptions/listen`."""

    def start(self) -> None:
        """Follow from now on, as soon as something else has connected."""
        self._sessions.on_lost = self._poke
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until_listened(self, session: Session) -> None:
        """Wait, not for long, until what the upstream says beside the calls of this session is heard."""
        if session.can_follow and not session.listened.is_set():
            try:
                async with asyncio.timeout(self._settings.upstream_connect_s):
                    await session.listened.wait()
            except TimeoutError:
                session.listened.set()  # no other call waits again

    def watch(self, uris: frozenset[str]) -> None:
        """Have the upstream tell of changes of these resources, and no others."""
        self._uris = uris
        self._poke()

    def _poke(self) -> None:
        self._poked.set()

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
            wanted_s: float | None = None
            try:
                wanted_s = await self._keep(session)
            except MeshError as cause:
                log.debug("the stream of changes ended", cause=cause.detail)
            except Exception:
                log.exception("following an upstream's changes failed; it is tried again")
            finally:
                self._set_streaming(False)
                session.listened.set()
            retry_s = _FIRST_RETRY_S if loop.time() - began > longest_s else min(retry_s * 2, longest_s)
            await asyncio.sleep(retry_s if wanted_s is None else max(wanted_s, _FIRST_RETRY_S))

    async def _keep(self, session: Session) -> float | None:
        """Follow a session until its stream is over; gives how long the upstream wants us to wait. Raises MeshError."""
        stream = self._open(session)
        try:
            while True:
                if await self._until_poked(stream):
                    assert stream.reader is not None
                    return stream.reader.result()
                self._poked.clear()
                if not self._sessions.has(session):
                    return None
                if not stream.stands.is_set():
                    continue
                if not session.modern:
                    await self._subscriptions.align(session, self._uris)
                elif session.watched != self._hearable():
                    # The old stream is read until the new one stands, so that nothing is missed between them.
                    newer = self._open(session)
                    await self._until_stands(newer)
                    stream, old = newer, stream
                    await old.close()
        finally:
            await stream.close()

    async def _until_poked(self, stream: _Stream) -> bool:
        """Wait until there is something to do; whether the stream is over."""
        assert stream.reader is not None
        poked = asyncio.create_task(self._poked.wait())
        try:
            await asyncio.wait({stream.reader, poked}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            poked.cancel()
        return stream.reader.done()

    async def _until_stands(self, stream: _Stream) -> None:
        assert stream.reader is not None
        stands = asyncio.create_task(stream.stands.wait())
        try:
            await asyncio.wait(
                {stream.reader, stands},
                timeout=self._settings.upstream_handshake_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            stands.cancel()

    def _open(self, session: Session) -> _Stream:
        stream = _Stream()
        read = self._wait_for_end if session.stream is not None else self._read
        stream.reader = asyncio.create_task(read(session, stream))
        return stream

    async def _wait_for_end(self, session: Session, stream: _Stream) -> float | None:
        assert session.stream is not None
        self._note_stands(session, stream, missed=True)
        await session.stream.ended.wait()
        return None

    async def _read(self, session: Session, stream: _Stream) -> float | None:
        """Read one stream to its end. Raises MeshError when it breaks."""
        request_id = next(self._ids)
        resumed = session.last_event_id is not None and not self._broke
        if session.modern:
            session.watched = set(self._hearable())
        response = await self._ask_for_stream(session, request_id)
        try:
            if not self._may_read(response, session):
                return None
            hear = self._listening.to(session)
            if not session.modern:
                self._note_stands(session, stream, missed=not resumed)

            async def take(message: Message, size: int) -> bool:
                self._note_stands(
                    session, stream, missed=True
                )  # at the latest; `subscriptions/listen` is acknowledged first
                if message.method is not UNSET and message.method != _ACKNOWLEDGED:
                    await hear(message)
                return message.method is UNSET and message.id == request_id

            budget = Budget(self._settings.upstream_stream_bytes_max, endless=True)
            await follow_stream(stream_of(response, self._settings), self._settings, take, budget, self._connection.mask)
        except StreamEnded as ended:
            session.last_event_id = None if session.modern else ended.last_id or session.last_event_id
            self._broke = ended.__cause__ is not None
            if self._broke or session.last_event_id is None:
                raise
            return ended.retry_s or 0.0
        finally:
            response.close()
        return None

    def _note_stands(self, session: Session, stream: _Stream, *, missed: bool) -> None:
        if stream.stands.is_set():
            return
        stream.stands.set()
        session.listened.set()
        self._poked.set()
        if self._followed_before and missed and self._changes is not None and not self._changes.streaming:
            self._changes.tell_all()
        self._followed_before = True
        self._set_streaming(True)

    def _set_streaming(self, streaming: bool) -> None:
        if self._changes is not None:
            self._changes.streaming = streaming

    async def _ask_for_stream(self, session: Session, request_id: int) -> aiohttp.ClientResponse:
        if session.modern:
            asked = wire.request(request_id, "subscriptions/listen", modern=True, params=self._wanted(session))
            return await self._connection.post({**session.headers, **asked.headers}, asked.body)
        if session.last_event_id is None:
            return await self._connection.get(session.headers)
        return await self._connection.get({**session.headers, wire.LAST_EVENT_HEADER: session.last_event_id})

    def _wanted(self, session: Session) -> bytes:
        """Params of `subscriptions/listen`: what the server can tell of, and we want to hear."""
        telling = session.telling
        wanted: dict[str, object] = {
            "toolsListChanged": telling.tools,
            "promptsListChanged": telling.prompts,
            "resourcesListChanged": telling.resources,
            "resourceSubscriptions": sorted(session.watched) if telling.updates else [],
        }
        return b'"notifications":' + _encode({name: value for name, value in wanted.items() if value})

    def _may_read(self, response: aiohttp.ClientResponse, session: Session) -> bool:
        if response.status == 200 and is_stream(response):
            return True
        if response.status == 404 and session.id is not None:
            self._sessions.lose(session)
            if self._changes is not None:
                self._changes.tell()  # listing the tools opens a session again
        elif session.last_event_id is not None:
            session.last_event_id = None
        elif session.modern and session.watched and response.status < 500:
            log.warning("an upstream does not take these resources; its other changes are followed", uris=len(self._uris))
            self._refused = self._uris
        elif response.status < 500:
            session.can_follow = False
        return False

    def _hearable(self) -> frozenset[str]:
        return frozenset() if self._uris == self._refused else self._uris
