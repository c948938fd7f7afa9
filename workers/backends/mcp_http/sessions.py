"""Which session carries a request: one for all in the modern era, a bounded pool of them in the eras before."""

import asyncio
from collections.abc import Callable

import structlog

from shared.errors import UpstreamError, UpstreamUnreachable
from shared.settings import Settings
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.handshake import Handshake
from workers.backends.mcp_http.session import Session

log = structlog.get_logger()

_GOODBYE_S = 1.0


class Sessions:
    """The sessions of one backend, or those of one owner at a backend."""

    def __init__(
        self, connection: Connection, handshake: Handshake, settings: Settings, backend: str, *, owned: bool = False
    ) -> None:
        self._connection = connection
        self._handshake = handshake
        self._settings = settings
        self._backend = backend
        self._owned = owned
        self._open: list[Session] = []
        self._opening = asyncio.Lock()
        self._ending: set[asyncio.Task[None]] = set()
        self.opened_so_far = 0
        self.lost_so_far = 0
        self.opened = asyncio.Event()
        """Set while there is a session."""
        self.on_lost: Callable[[], None] = _nothing

    async def acquire(self) -> Session:
        """The least loaded session, opened if there is none or if all are busy. Give it back with `release`.

        Raises UpstreamUnreachable, UpstreamDenied or UpstreamBadResponse; no call was sent then.
        """
        session = self._least_loaded()
        if session is None or (self._may_grow(session) and not self._opening.locked()):
            session = await self._grow()
        session.in_flight += 1
        return session

    def release(self, session: Session) -> None:
        """The request that acquired it is over."""
        session.in_flight -= 1

    def any(self) -> Session | None:
        """A session, if there is one."""
        return self._open[0] if self._open else None

    def has(self, session: Session) -> bool:
        """Whether it is one that requests may still get."""
        return session in self._open

    def lose(self, session: Session) -> None:
        """The upstream does not know this session (any more): nobody gets it again."""
        if session not in self._open:
            return
        self._open.remove(session)
        self.lost_so_far += 1
        if session.modern:
            self._handshake.forget()
        if not self._open:
            self.opened.clear()
        self.on_lost()
        if session.stream is not None:
            ending = asyncio.create_task(session.stream.close())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """Tell the upstream that its sessions are over, as far as it answers soon."""
        leaving = [self._connection.delete(s.headers) for s in self._open if s.id is not None]
        streams = [s.stream.close() for s in self._open if s.stream is not None]
        self._open.clear()
        self.opened.clear()
        await asyncio.gather(*streams, *self._ending, return_exceptions=True)
        if leaving:
            try:
                async with asyncio.timeout(_GOODBYE_S):
                    await asyncio.gather(*leaving, return_exceptions=True)
            except TimeoutError:
                log.debug("sessions were not ended in time", backend=self._backend)

    def _least_loaded(self) -> Session | None:
        if len(self._open) == 1:
            return self._open[0]
        return min(self._open, key=lambda s: s.in_flight, default=None)

    def _may_grow(self, least: Session) -> bool:
        return (
            least.id is not None
            and not self._owned
            and least.in_flight >= self._settings.upstream_session_calls
            and len(self._open) < self._settings.upstream_sessions
        )

    async def _grow(self) -> Session:
        async with self._opening:
            session = self._least_loaded()  # another request may have opened one meanwhile
            if session is not None and not self._may_grow(session):
                return session
            session = await self._handshaken()
            self.opened_so_far += 1
            session.number = self.opened_so_far
            self._open.append(session)
            self.opened.set()
            if session.stream is not None:
                session.stream.on_end(lambda: self.lose(session))
            log.debug("session opened", backend=self._backend, era=session.era, sessions=len(self._open))
            return session

    async def _handshaken(self) -> Session:
        try:
            async with asyncio.timeout(self._settings.upstream_handshake_s):
                return await self._handshake.open(owned=self._owned)
        except TimeoutError:
            raise UpstreamUnreachable(
                f"Backend {self._backend!r} did not answer the handshake in {self._settings.upstream_handshake_s:g} s; "
                "no call was sent."
            ) from None
        except UpstreamError as refused:
            raise UpstreamUnreachable(
                f"Backend {self._backend!r} refused to open a session; no call was sent."
            ) from refused


def _nothing() -> None:
    """Nobody follows."""
