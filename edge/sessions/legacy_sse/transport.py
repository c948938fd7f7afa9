"""`GET /sse` and `POST /messages` (MCP 2024-11-05, "HTTP with SSE")."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import structlog
from redis.exceptions import ResponseError

from edge.admit import Headers, Receive, accepted
from edge.endpoint import McpEndpoint
from edge.exchange import Send
from edge.parse import parse_message
from edge.problems import INVALID_REQUEST, Refusal, refusal_of
from edge.render import refusal_body
from edge.sessions.edges_channel import EdgesChannel
from edge.sessions.legacy_sse.inbox import Inbox
from edge.sessions.legacy_sse.outbound import Outbound, PostAnswer
from edge.sessions.session_streams import SessionStreams
from edge.sessions.store import Session, Sessions
from shared.errors import BrokerUnavailable, MeshError
from shared.identity import Principal
from shared.messages import Client
from shared.sessions import Posted
from shared.settings import Settings

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_MESSAGES = "/messages"
_HEADERS: Headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


class _Stream:
    """One client's stream on this edge."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.outbound = Outbound()
        self.running: set[asyncio.Task[None]] = set()
        self.taking: asyncio.Task[None] | None = None
        self.more = False


class LegacySse:
    """Both halves of the transport, on this edge."""

    def __init__(
        self,
        endpoint: McpEndpoint,
        sessions: Sessions,
        session_streams: SessionStreams,
        inbox: Inbox,
        edges: EdgesChannel,
        settings: Settings,
        *,
        path_prefix: str,
    ) -> None:
        """`path_prefix`: what the public URL has before `/messages`."""
        self._endpoint = endpoint
        self._sessions = sessions
        self._session_streams = session_streams
        self._inbox = inbox
        self._edges = edges
        self._running_max = settings.inbox_running_max
        self._depth_max = settings.json_depth_max
        self._path_prefix = path_prefix
        self._streams: dict[str, _Stream] = {}
        edges.act_on("posted", lambda digest, at_ms: self._look(digest))

    async def sse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI application of `/sse`."""

        async def serve(headers: Headers, principal: Principal, send: Send) -> None:
            if scope["method"] != "GET":
                raise Refusal(405, INVALID_REQUEST, "Use GET.", headers=[(b"allow", b"GET")])
            if "accept" in headers and not accepted(headers)[1]:
                raise Refusal(406, INVALID_REQUEST, "Send Accept: text/event-stream.")
            await self._stream(principal, receive, send)

        await self._endpoint.guard.let_in(scope, send, serve)

    async def messages(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI application of `/messages`."""

        async def serve(headers: Headers, principal: Principal, send: Send) -> None:
            body = await self._endpoint.read(scope["method"], headers | {"accept": _HEADERS["accept"]}, receive)
            parse_message(body, _HEADERS, [], self._depth_max)
            query = parse_qs(scope["query_string"].decode("latin-1"))
            session_id = (query.get("sessionId") or [""])[0]
            session = await self._sessions.find(principal, None, session_id, "sse")
            if session is None:
                raise Refusal(404, INVALID_REQUEST, "Session not found. Open the stream again.")
            await self._inbox.put(session, principal, body)
            await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

        await self._endpoint.guard.let_in(scope, send, serve)

    async def _stream(self, principal: Principal, receive: Receive, send: Send) -> None:
        client = Client(asking="stream")
        session_id, session = await self._sessions.create(
            principal, None, version="", client=client, kind="sse", edge=self._edges.edge_id
        )
        mine = _Stream(session)
        say = mine.outbound.take
        try:
            async with self._session_streams.hold(principal, None, session, receive, send, say) as held:
                mine.outbound.wake = held.stream.wake
                self._streams[session.digest] = mine
                path = f"{self._path_prefix}{_MESSAGES}?sessionId={session_id}"
                await self._session_streams.run(held, b"event: endpoint\r\ndata: " + path.encode() + b"\r\n\r\n")
        finally:
            self._streams.pop(session.digest, None)
            mine.outbound.close()
            with suppress(BrokerUnavailable, ResponseError):
                await self._sessions.end(session)

    def _look(self, digest: str) -> None:
        """There is something in the inbox of a stream that is here."""
        mine = self._streams.get(digest)
        if mine is None:
            return
        mine.more = True
        if mine.taking is None:
            mine.taking = asyncio.get_running_loop().create_task(self._take(mine))

    def look_into_all(self) -> None:
        """A word may have been missed: look into every inbox."""
        for digest in list(self._streams):
            self._look(digest)

    async def _take(self, mine: _Stream) -> None:
        """Start the handling of messages in their order, as many at a time as may be."""
        try:
            while mine.more and len(mine.running) < self._running_max and not mine.outbound.gone.is_set():
                mine.more = False
                posted = await self._inbox.take(mine.session)
                if posted is None:
                    continue  # unless a word came meanwhile
                mine.more = True
                task = asyncio.get_running_loop().create_task(self._handle(mine, posted))
                mine.running.add(task)
                task.add_done_callback(lambda done: self._done(mine, done))
        except BrokerUnavailable:
            log.warning("inbox not read", session=mine.session.digest)  # looked into again when the broker is back
        finally:
            mine.taking = None

    def _done(self, mine: _Stream, task: "asyncio.Task[None]") -> None:
        mine.running.discard(task)
        if mine.more and mine.taking is None:
            self._look(mine.session.digest)

    async def _handle(self, mine: _Stream, posted: Posted) -> None:
        """Handle a message as if it had been posted to the MCP endpoint in this session, by who sent it."""
        answer = PostAnswer(mine.outbound)
        try:
            session = await self._sessions.refresh(mine.session)
            if session is None:
                self._session_streams.end(mine.session.digest)
                return
            await self._endpoint.take(
                posted.principal, None, session, posted.body, dict(_HEADERS), [], answer.receive, answer.send
            )
        except Refusal as refusal:
            await answer.say(refusal_body(refusal))
        except MeshError as error:
            await answer.say(refusal_body(refusal_of(error)))
        except Exception:
            log.exception("message of a legacy stream not handled")
