"""The backend of kind `http`: what it is made of, its deadlines, its offer."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from shared.configuration import BackendEntry
from shared.errors import UpstreamTimeout, UpstreamUnreachable
from shared.settings import Settings
from workers.backends.backend import Invocation, Offer
from workers.backends.mcp_http.attempts import Attempts, Wish
from workers.backends.mcp_http.calling import Calling, Progress
from workers.backends.mcp_http.changes import Changes
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.following import Following
from workers.backends.mcp_http.handshake import Handshake
from workers.backends.mcp_http.listening import Listening
from workers.backends.mcp_http.owners import Owners
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_http.sessions import Sessions
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.listing import Lister
from workers.backends.mcp_protocol.message import ignore
from workers.backends.mcp_protocol.patience import Patience
from workers.backends.timeout import timeout_s
from workers.credentials import Credentials


class Upstream:
    """One MCP server over HTTP."""

    def __init__(self, entry: BackendEntry, settings: Settings, credentials: Credentials) -> None:
        self._entry = entry
        self._settings = settings
        self._timeout_s = timeout_s(entry, settings)
        self._ids = count(1)
        self._connection = Connection(entry, settings, credentials)
        self._changes = Changes(settings)
        self._exchange = Exchange(self._connection, settings)
        self._listening = Listening(self._exchange, self._changes, settings)
        self._handshake = Handshake(self._connection, settings, entry, self._listening.to)
        self._sessions = Sessions(self._connection, self._handshake, settings, entry.name)
        self._following = self._follow(self._sessions, self._changes)
        self._owners = Owners(self._open_owned, settings, entry.name)
        self._attempts = Attempts(self._sessions, self._owners, self._handshake)
        self._with_sessions = Handshake(self._connection, settings, entry, self._listening.to, prefers_sessions=True)
        self._talks = Sessions(self._connection, self._with_sessions, settings, entry.name)
        self._talk_attempts = Attempts(self._talks, self._owners, self._with_sessions)
        self._calling = Calling(entry, self._exchange, self._changes, settings, self._ids)
        self._lister = Lister(entry, settings)
        self._slots = asyncio.Semaphore(entry.options.connections or settings.upstream_connections)

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Get ready; the first listing or call connects."""
        self._connection.open()
        self._changes.start(changed, updated)
        self._following.start()

    async def close(self) -> None:
        """Stop following, end the sessions, close the connections."""
        self._changes.close()
        await self._following.close()
        await self._owners.close()
        await self._sessions.close()
        await self._talks.close()
        await self._exchange.close()
        await self._connection.close()

    async def list_all(self) -> Offer:
        """All pages of all lists, vetted. Raises MeshError where the upstream can't be asked."""
        try:
            async with asyncio.timeout(self._settings.upstream_list_s):
                session = await self._sessions.acquire()
                self._sessions.release(session)
                listing = await self._lister.list_all(self._ask_for_page, session.server)
        except TimeoutError:
            raise UpstreamTimeout(
                f"Backend {self._entry.name!r} did not list its tools in {self._settings.upstream_list_s:g} s."
            ) from None
        self._calling.headers = listing.headers
        self._changes.note_listed(listing.ttl_s)
        return listing.offer

    async def call(self, invocation: Invocation) -> bytes:
        """Run one call; see the seam for what it raises."""
        progress = Progress()
        now = asyncio.get_running_loop().time()
        wish = Wish(
            again=invocation.access != "write",
            reconnect_until=now + self._settings.upstream_reconnect_s,
            owner=invocation.owner,
            renewed=invocation.renewed,
        )

        patience = Patience(self._timeout_s, invocation.deadline)
        asking = replace(invocation, ask=patience.around(invocation.ask)) if self._entry.relay else invocation

        async def attempt(session: Session) -> bytes:
            return await self._calling.attempt(session, asking, progress)

        try:
            async with patience, self._slots:
                return await self._attempts_for(invocation).until_answered(attempt, wish)
        except TimeoutError:
            if progress.sent:
                raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in time.") from None
            raise UpstreamUnreachable(
                f"Backend {self._entry.name!r} had no connection free in time; nothing was sent."
            ) from None

    def _attempts_for(self, invocation: Invocation) -> Attempts:
        """An upstream that speaks both eras is spoken to in the one with sessions where its caller has use for one: what it
        keeps for an owner, and what it asks a client of that era in mid-call, is tied to them."""
        if self._handshake.era == "modern":
            client = invocation.client
            if invocation.owner or (client.asking == "stream" and client.capabilities != b"{}"):
                return self._talk_attempts
        return self._attempts

    async def watch(self, uris: frozenset[str]) -> None:
        """Hear of these resources; the upstream is told in the background."""
        self._changes.watched = uris
        self._following.watch(uris)

    async def _ask_for_page(self, method: str, params: bytes) -> tuple[bytes, bool]:
        """One page of a list, and whether the era is the modern one."""
        modern = False

        async def attempt(session: Session) -> bytes:
            nonlocal modern
            modern = session.modern
            request = wire.request(next(self._ids), method, modern=modern, params=params)
            # Tool by tool, vetting looks at the depth: one that is too deep must not hide the others.
            return await self._exchange.send(session, request, ignore, check_depth=False)

        return await self._attempts.until_answered(attempt, Wish(again=True, reconnect_until=0.0)), modern

    def _open_owned(self) -> tuple[Sessions, Following | None]:
        """What one owner gets. Only where the upstream may ask is it listened to beside the calls."""
        sessions = Sessions(self._connection, self._with_sessions, self._settings, self._entry.name, owned=True)
        return sessions, self._follow(sessions, None) if self._entry.relay else None

    def _follow(self, sessions: Sessions, changes: Changes | None) -> Following:
        return Following(self._connection, sessions, self._exchange, self._listening, self._settings, self._ids, changes)
