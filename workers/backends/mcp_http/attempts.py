"""What is sent again, and over which session.

Within a run a request is sent again, whatever its class, only if no byte of it was sent or the upstream answered that it
does not know the session. A connection that breaks before an answer leaves open what happened: then only a call that
may run twice is sent once more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from shared.errors import UpstreamUnreachable
from workers.backends.mcp_http.answer import SessionLost
from workers.backends.mcp_http.handshake import Handshake
from workers.backends.mcp_http.owners import Owned, Owners
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_http.sessions import Sessions
from workers.egress.failures import BrokenConnection

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.4


def _nobody() -> None:
    """Nobody wants to know."""


@dataclass(slots=True, kw_only=True)
class Wish:
    """A request that is to be answered."""

    again: bool
    """Whether it may run twice."""
    reconnect_until: float
    """`loop.time()` until which it waits for an upstream that refuses connections."""
    owner: str = ""
    renewed: Callable[[], None] = _nobody
    """Told where the owner's session is another one than the owner had."""
    owned: Owned | None = field(default=None, init=False)
    lost: bool = field(default=False, init=False)
    """Whether it was itself that met a session of the owner's that is gone."""
    newest: dict[Sessions, int] = field(default_factory=dict, init=False)
    """The newest session of each pool when this request first came to it."""


class Attempts:
    """Attempts the requests of one backend."""

    def __init__(self, sessions: Sessions, owners: Owners, handshake: Handshake) -> None:
        self._sessions = sessions
        self._owners = owners
        self._handshake = handshake

    async def until_answered(self, attempt: Callable[[Session], Awaitable[bytes]], wish: Wish) -> bytes:
        """Attempt, and attempt again where that is right. Raises what the last attempt raised."""
        try:
            return await self._until_answered(attempt, wish)
        finally:
            if wish.owned is not None:
                self._owners.leave(wish.owner, wish.owned)

    async def _until_answered(self, attempt: Callable[[Session], Awaitable[bytes]], wish: Wish) -> bytes:
        pause_s = _FIRST_PAUSE_S
        renegotiated = False
        broken: BrokenConnection | None = None
        loop = asyncio.get_running_loop()
        while True:
            session: Session | None = None
            pool = self._sessions
            try:
                pool, session = await self._acquire(wish)
                return await attempt(session)
            except UpstreamUnreachable:
                if loop.time() + pause_s >= wish.reconnect_until:
                    if broken is not None:
                        raise broken from None  # it was sent: "unreachable" would say that it was not
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            except SessionLost:
                if session is None:
                    if renegotiated:
                        raise
                    renegotiated = True
                else:
                    pool.lose(session)
                    wish.lost = session.owned
                    if session.number > wish.newest[pool]:  # opened for this very call, another will fare no better
                        raise
            except BrokenConnection as cause:
                if not wish.again:
                    raise
                wish.again = False
                broken = cause
            finally:
                if session is not None:
                    pool.release(session)

    async def _acquire(self, wish: Wish) -> tuple[Sessions, Session]:
        """A session, the owner's own where the upstream has sessions at all. Raises what `Sessions.acquire` raises."""
        if not wish.owner or self._handshake.era in (None, "modern"):
            wish.newest.setdefault(self._sessions, self._sessions.opened_so_far)
            session = await self._sessions.acquire()
            if session.modern or not wish.owner:
                return self._sessions, session
            self._sessions.release(session)
        if wish.owned is None:
            wish.owned = self._owners.enter(wish.owner)
        pool = wish.owned.sessions
        wish.newest.setdefault(pool, pool.opened_so_far)
        session = await pool.acquire()
        if self._owners.is_new(wish.owned) or wish.lost:
            wish.lost = False
            wish.renewed()
        if wish.owned.following is not None:
            try:
                await wish.owned.following.until_listened(session)
            except BaseException:
                pool.release(session)
                raise
        return pool, session
