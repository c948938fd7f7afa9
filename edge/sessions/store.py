"""2025-era sessions as records in Redis: any edge answers any request of one (MCP 2025-11-25, "Session management").

What is kept is what the next request needs: whose it is, what was agreed on, and what the client can do. Signed with the
edges' own key, bound to the principal and to the endpoint; a foreign session looks like none. The id is a secret of the
client's: Redis and the log know its digest only.
"""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from edge.problems import too_many
from edge.sessions.edges_channel import EdgesChannel
from edge.sessions.records import Records
from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import InvalidParams
from shared.identity import Principal, share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Client
from shared.sessions import Session
from shared.settings import Settings

__all__ = ["Session", "Sessions"]

_ID = re.compile(r"[\x21-\x7e]{1,128}")
_URI_CHARS_MAX = 2048
_TOUCHES_PER_LIFE = 20
"""How often within its idle time the use of a session is written down for the caps: its record is renewed each time."""
_TOUCHED_MAX = 10_000


class Sessions:
    """All sessions of the mesh, as this edge reaches them."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        settings: Settings,
        edges: EdgesChannel,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._edges = edges
        self._records = Records(ring, refused=refused)
        self._idle_ms = int(settings.session_idle_s * 1000)
        self._touch_s = settings.session_idle_s / _TOUCHES_PER_LIFE
        self._principal_max = settings.sessions_principal_max
        self._max = settings.sessions_max
        self._uris_max = settings.session_uris_max
        self._touched: dict[str, float] = {}

    async def create(
        self,
        principal: Principal,
        backend: str | None,
        *,
        version: str,
        client: Client,
        kind: Literal["http", "sse"] = "http",
        edge: str = "",
    ) -> tuple[str, Session]:
        """A new session and its id. The principal's session that was not used for longest makes room for it.

        Raises Refusal 503 when the mesh has as many as it may have, BrokerUnavailable.
        """
        await self._make_room(share_of(principal))
        session_id = secrets.token_urlsafe(32)
        session = Session(
            digest=_digest(session_id),
            tenant=principal.tenant,
            subject=principal.subject,
            backend=backend or "",
            version=version,
            client=client,
            kind=kind,
            edge=edge,
            created_ms=self._clock.now_ms(),
        )
        await self._line.cmd("SET", keys.session(session.digest), self._sealed(session), "PX", self._idle_ms)
        self._touch(session)
        return session_id, session

    async def _make_room(self, share: str) -> None:
        mine = keys.sessions(share)
        over = self._clock.now_ms() - self._idle_ms - int(self._touch_s * 1000)
        cmd = self._line.cmd
        _, everybodys, _, oldest = await asyncio.gather(
            cmd("ZREMRANGEBYSCORE", keys.ALL_SESSIONS, "-inf", over),
            cmd("ZCARD", keys.ALL_SESSIONS),
            cmd("ZREMRANGEBYSCORE", mine, "-inf", over),
            cmd("ZRANGE", mine, 0, -self._principal_max),
        )
        if oldest:
            self._forget(share, [digest.decode() for digest in oldest])
        elif everybodys >= self._max:
            raise too_many(503, "There are as many sessions as there may be. Try again later.", retry_after_s=60)

    async def find(
        self, principal: Principal, backend: str | None, session_id: str, kind: Literal["http", "sse"] = "http"
    ) -> Session | None:
        """The session of that id, if it is this principal's at this endpoint. What is foreign and what there is not look
        the same. Raises BrokerUnavailable."""
        if _ID.fullmatch(session_id) is None:
            return None
        digest = _digest(session_id)
        session = await self._read(digest)
        if session is None or (session.tenant, session.subject) != (principal.tenant, principal.subject):
            return None
        if (session.backend, session.kind) != (backend or "", kind):
            return None
        self._touch(session)
        return session

    async def _read(self, digest: str) -> Session | None:
        """The session's record, whose life begins anew."""
        asked = self._line.cmd("GETEX", keys.session(digest), "PX", self._idle_ms)
        session = await self._records.read(asked, Session)
        if session is not None and session.digest != digest:
            self._records.refused("session", "the session's record lies under another session's name")
            return None
        return session

    async def keep(self, session: Session) -> bool:
        """Keep a session alive that has an open stream; gives False when it is over. Raises BrokerUnavailable."""
        self._touch(session)
        return bool(await self._line.cmd("PEXPIRE", keys.session(session.digest), self._idle_ms))

    async def refresh(self, session: Session) -> Session | None:
        """The session as it is now, and used; None when it is over. Raises BrokerUnavailable."""
        now = await self._read(session.digest)
        self._touch(session)
        return now

    async def end(self, session: Session) -> None:
        """The session is over, on all edges. Calls that run go on, and nobody hears of them. Raises BrokerUnavailable."""
        share = share_of(Principal(tenant=session.tenant, subject=session.subject))
        digest = session.digest
        await self._line.cmd("DEL", keys.session(digest), keys.session_uris(digest), keys.inbox(digest))
        self._forget(share, [digest])

    def _forget(self, share: str, digests: Iterable[str]) -> None:
        for digest in digests:
            self._line.send("DEL", keys.session(digest), keys.session_uris(digest), keys.inbox(digest))
            self._line.send("ZREM", keys.sessions(share), digest)
            self._line.send("ZREM", keys.ALL_SESSIONS, digest)
            self._touched.pop(digest, None)
            self._edges.tell("ended", digest)

    async def change(self, session: Session, *, version: str | None = None, client: Client | None = None) -> Session:
        """What was agreed on changed (a log level; `initialize` over a legacy SSE stream). Raises BrokerUnavailable."""
        changed = msgspec.structs.replace(session, version=version or session.version, client=client or session.client)
        await self._line.cmd("SET", keys.session(session.digest), self._sealed(changed), "XX", "KEEPTTL")
        return changed

    async def set_level(self, session: Session, level: str) -> None:
        """`logging/setLevel`. Raises BrokerUnavailable."""
        await self.change(session, client=msgspec.structs.replace(session.client, log_level=level))

    async def subscribe(self, session: Session, uri: str) -> None:
        """`resources/subscribe`, by the URI that the client knows. Raises InvalidParams when there are too many."""
        if len(uri) > _URI_CHARS_MAX:
            raise InvalidParams(f"The URI has more than {_URI_CHARS_MAX} characters.")
        name = keys.session_uris(session.digest)
        added, count, _ = await asyncio.gather(
            self._line.cmd("SADD", name, uri),
            self._line.cmd("SCARD", name),
            self._line.cmd("PEXPIRE", name, self._idle_ms * 2),
        )
        if added and count > self._uris_max:
            await self._line.cmd("SREM", name, uri)
            raise InvalidParams(f"This session follows {self._uris_max} resources already. Unsubscribe from some first.")
        self._edges.tell("subscribed", session.digest)

    async def unsubscribe(self, session: Session, uri: str) -> None:
        """`resources/unsubscribe`. Raises BrokerUnavailable."""
        await self._line.cmd("SREM", keys.session_uris(session.digest), uri)
        self._edges.tell("subscribed", session.digest)

    async def uris(self, session: Session) -> list[str]:
        """What the session subscribed to, in a fixed order. Raises BrokerUnavailable."""
        found = await self._line.cmd("SMEMBERS", keys.session_uris(session.digest))
        return sorted(uri.decode("utf-8", "replace") for uri in found)[: self._uris_max]

    def _touch(self, session: Session) -> None:
        """Note the use for the caps, now and then."""
        now = time.monotonic()
        if now - self._touched.get(session.digest, -self._touch_s) < self._touch_s:
            return
        if len(self._touched) >= _TOUCHED_MAX:
            self._touched.clear()
        self._touched[session.digest] = now
        mine = keys.sessions(share_of(Principal(tenant=session.tenant, subject=session.subject)))
        at_ms = self._clock.now_ms()
        self._line.send("ZADD", keys.ALL_SESSIONS, at_ms, session.digest)
        self._line.send("ZADD", mine, at_ms, session.digest)
        self._line.send("PEXPIRE", mine, self._idle_ms * 2)
        self._line.send("PEXPIRE", keys.session_uris(session.digest), self._idle_ms * 2)

    def _sealed(self, session: Session) -> bytes:
        return seal(self._ring, "edge", session)


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()[:32]
