"""The streams of sessions that this edge holds: one for each session in the whole mesh.

A new stream of a session ends the older one, which most likely is the same client's broken connection. A session with an
open stream is in use; one that is over ends its stream, on whichever edge that is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec
from redis.exceptions import ResponseError

from edge.render import event
from edge.sessions.changes import Changes
from edge.sessions.edges_channel import EdgesChannel
from edge.sessions.event_stream import EventStream, Receive, Send, Take
from edge.sessions.feed import Feed, Heard, Wants
from edge.sessions.store import Session, Sessions
from edge.sessions.streams import Streams
from edge.sessions.wanted import Resource
from shared.errors import BrokerUnavailable
from shared.identity import Principal

Resolve = Callable[[Principal, str | None, str], Resource | None]
"""`(principal, backend of the endpoint, the client's URI)` → backend and its own URI; None for what may not be reached."""

_CHECK_S_MAX = 20.0
_CHECKS_PER_LIFE = 3
_METHODS = {
    "tools": "notifications/tools/list_changed",
    "prompts": "notifications/prompts/list_changed",
    "resources": "notifications/resources/list_changed",
    "resource": "notifications/resources/updated",
}
_encode = msgspec.json.Encoder().encode


def change_notification(heard: Heard, meta: Mapping[str, object] | None = None) -> bytes:
    """A change as a notification; `meta` is its `_meta`."""
    params: dict[str, object] = {"uri": heard.uri} if heard.kind == "resource" else {}
    if meta is not None:
        params["_meta"] = meta
    message: dict[str, object] = {"jsonrpc": "2.0", "method": _METHODS[heard.kind]}
    return _encode(message | {"params": params} if params else message)


class SessionStream:
    """One stream of a session: what changes at backends, and before that what its `say` gives."""

    __slots__ = ("_say", "backend", "feed", "opened_ms", "principal", "session", "stream")

    def __init__(
        self, principal: Principal, backend: str | None, session: Session, say: Take | None, opened_ms: int
    ) -> None:
        self.opened_ms = opened_ms
        self.principal = principal
        self.backend = backend
        self.session = session
        self._say = say
        self.stream: EventStream
        self.feed: Feed

    def take(self) -> bytes | None:
        """The next event."""
        said = self._say() if self._say is not None else None
        if said is not None:
            return said
        heard = self.feed.take()
        if heard is None:
            return None
        return event(change_notification(heard), heard.event_id if self.session.kind == "http" else "")


class SessionStreams:
    """All of them."""

    def __init__(
        self,
        sessions: Sessions,
        streams: Streams,
        changes: Changes,
        edges: EdgesChannel,
        resolve: Resolve,
        *,
        session_idle_s: float,
    ) -> None:
        self._check_s = min(_CHECK_S_MAX, session_idle_s / _CHECKS_PER_LIFE)
        self._sessions = sessions
        self._streams = streams
        self._changes = changes
        self._edges = edges
        self._resolve = resolve
        self._held: dict[str, SessionStream] = {}
        self._reading: set[asyncio.Task[None]] = set()
        edges.act_on("ended", lambda digest, at_ms: self.end(digest))
        edges.act_on("taken", self._end_older)
        edges.act_on("subscribed", lambda digest, at_ms: self._follow_soon(digest))

    @asynccontextmanager
    async def hold(
        self,
        principal: Principal,
        backend: str | None,
        session: Session,
        receive: Receive,
        send: Send,
        say: Take | None = None,
    ) -> AsyncIterator[SessionStream]:
        """A stream of the session that is not open yet (`run`), and hears of changes already. Raises Refusal."""
        self._streams.admit(principal)
        self.end(session.digest)
        opened_ms = self._edges.tell("taken", session.digest)
        held = SessionStream(principal, backend, session, say, opened_ms)
        held.stream = self._streams.make(receive, send, held.take)
        held.feed = self._changes.open(principal, backend, Wants(), held.stream.wake)
        self._held[session.digest] = held
        try:
            await self._follow(held)
            yield held
        finally:
            self._changes.close(held.feed)
            if self._held.get(session.digest) is held:
                del self._held[session.digest]

    async def run(self, held: SessionStream, first: bytes) -> None:
        """Open it, and give back when it has ended. Raises Refusal before anything is written."""
        await self._streams.run(held.principal, held.stream, first, held.take)

    def end(self, digest: str) -> None:
        """The session is over, or has another stream: end the one that is here."""
        held = self._held.pop(digest, None)
        if held is not None:
            held.stream.end()

    def _end_older(self, digest: str, at_ms: int) -> None:
        held = self._held.get(digest)
        if held is not None and held.opened_ms < at_ms:
            self.end(digest)

    async def _follow(self, held: SessionStream) -> None:
        """Follow what the session subscribed to. Raises BrokerUnavailable."""
        wanted: dict[Resource, str] = {}
        for uri in await self._sessions.uris(held.session):
            resource = self._resolve(held.principal, held.backend, uri)
            if resource is not None:
                wanted[resource] = uri
        if self._held.get(held.session.digest) is held:
            self._changes.follow(held.feed, wanted)

    def _follow_soon(self, digest: str) -> None:
        held = self._held.get(digest)
        if held is not None:
            task = asyncio.get_running_loop().create_task(self._follow_quietly(held))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _follow_quietly(self, held: SessionStream) -> None:
        with suppress(BrokerUnavailable, ResponseError):
            await self._follow(held)

    async def check(self) -> None:
        """Keep the sessions of open streams alive, and end the streams of those that are over; to be run as a task."""
        while True:
            await asyncio.sleep(self._check_s)
            for digest, held in list(self._held.items()):
                with suppress(BrokerUnavailable, ResponseError):
                    if await self._sessions.keep(held.session):
                        await self._follow(held)
                    else:
                        self.end(digest)
