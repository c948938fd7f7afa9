"""The backend of kind `http`: attempts, deadlines, and what may be sent twice.

Within a run a request is sent again, whatever its class, only if no byte of it was sent or the upstream answered that it
does not know the session. A connection that breaks before an answer leaves open what happened: then only a call that
may run twice is sent once more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count

from shared.configuration import BackendEntry
from shared.durations import parse_duration
from shared.errors import ConfigurationError, UpstreamTimeout, UpstreamUnreachable
from shared.settings import Settings
from workers.backends.backend import Invocation, Offer
from workers.backends.mcp_http.answer import SessionLost
from workers.backends.mcp_http.connection import BrokenConnection, Connection
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.following import Following
from workers.backends.mcp_http.handshake import Session
from workers.backends.mcp_http.sessions import Sessions
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.listing import Lister
from workers.backends.mcp_protocol.message import Message
from workers.backends.mcp_protocol.parameter_headers import HeaderMap, parameter_headers
from workers.credentials import Credentials

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.4


@dataclass(slots=True)
class _Progress:
    """How far a call got: what a time-out means depends on it."""

    sent: bool = False


class Upstream:
    """One MCP server over Streamable HTTP."""

    def __init__(self, entry: BackendEntry, settings: Settings, credentials: Credentials) -> None:
        self._entry = entry
        self._settings = settings
        self._timeout_s = _timeout_s(entry, settings)
        self._connection = Connection(entry, settings, credentials)
        self._sessions = Sessions(self._connection, settings, entry.name)
        self._exchange = Exchange(self._connection, settings)
        self._ids = count(1)
        self._following = Following(self._connection, self._sessions, self._exchange, settings, self._ids)
        self._lister = Lister(entry, settings)
        self._headers: dict[str, HeaderMap] = {}
        self._slots = asyncio.Semaphore(entry.options.connections or settings.upstream_connections)

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Get ready; the first listing or call connects."""
        self._connection.open()
        self._following.start(changed)

    async def close(self) -> None:
        """Stop following, end the sessions, close the connections."""
        await self._following.close()
        await self._exchange.close()
        await self._sessions.close()
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
        self._headers = listing.headers
        self._following.note_listed(listing.ttl_s)
        return listing.offer

    async def call(self, invocation: Invocation) -> bytes:
        """Run one call; see the seam for what it raises."""
        progress = _Progress()
        now = asyncio.get_running_loop().time()

        async def attempt(session: Session) -> bytes:
            return await self._attempt(session, invocation, progress)

        try:
            async with asyncio.timeout_at(min(invocation.deadline, now + self._timeout_s)), self._slots:
                return await self._until_answered(
                    attempt, again=invocation.access != "write", reconnect_until=now + self._settings.upstream_reconnect_s
                )
        except TimeoutError:
            if progress.sent:
                raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in time.") from None
            raise UpstreamUnreachable(
                f"Backend {self._entry.name!r} had no connection free in time; nothing was sent."
            ) from None

    async def _attempt(self, session: Session, invocation: Invocation, progress: _Progress) -> bytes:
        """Send the call once."""
        request = wire.relayed(next(self._ids), invocation, modern=session.modern)
        if session.modern and (declared := self._headers.get(invocation.tool)):
            request.headers.update(parameter_headers(declared, invocation.arguments))
        hearing = Hearing(
            changed=self._following.tell,
            requests_max=self._settings.upstream_requests_max,
            reply=self._exchange.replier(session),
            report=invocation.report if invocation.wants_progress else None,
            token=request.id,
            progress_per_s_max=self._settings.upstream_progress_per_s_max,
        )
        await invocation.dispatch()
        progress.sent = True
        try:
            return await self._exchange.send(session, request, hearing)
        except (UpstreamUnreachable, SessionLost):
            progress.sent = False
            raise

    async def watch(self, uris: frozenset[str]) -> None:
        """Nothing yet."""

    async def _ask_for_page(self, method: str, params: bytes) -> tuple[bytes, bool]:
        """One page of a list, and whether the era is the modern one."""
        modern = False

        async def attempt(session: Session) -> bytes:
            nonlocal modern
            modern = session.modern
            request = wire.request(next(self._ids), method, modern=modern, params=params)
            # Tool by tool, vetting looks at the depth: one that is too deep must not hide the others.
            return await self._exchange.send(session, request, _ignore, check_depth=False)

        return await self._until_answered(attempt, again=True, reconnect_until=0.0), modern

    async def _until_answered(
        self, attempt: Callable[[Session], Awaitable[bytes]], *, again: bool, reconnect_until: float
    ) -> bytes:
        """Attempt, and attempt again where that is right. `again`: it may run twice."""
        pause_s = _FIRST_PAUSE_S
        renegotiated = False
        newest = self._sessions.opened_so_far
        loop = asyncio.get_running_loop()
        while True:
            session: Session | None = None
            try:
                session = await self._sessions.acquire()
                return await attempt(session)
            except UpstreamUnreachable:
                if loop.time() + pause_s >= reconnect_until:
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except SessionLost:
                if session is None:
                    if renegotiated:
                        raise
                    renegotiated = True
                else:
                    self._sessions.lose(session)
                    if session.number > newest:  # it was opened for this very call, another will fare no better
                        raise
            except BrokenConnection:
                if not again:
                    raise
                again = False
            finally:
                if session is not None:
                    self._sessions.release(session)


async def _ignore(message: Message) -> None:
    """Nothing that is said beside a list of tools matters."""


def _timeout_s(entry: BackendEntry, settings: Settings) -> float:
    """The longest that a call of this backend may take. Raises ConfigurationError."""
    text = entry.options.timeout
    if text is None:
        return settings.mcp_timeout_s
    try:
        return parse_duration(text)
    except ValueError:
        raise ConfigurationError(
            f"Backend {entry.name!r}: `options.timeout` must be a duration such as `30s` or `1h30m`."
        ) from None
