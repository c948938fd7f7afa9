"""A session of its own for each owner (`affinity`): what one has done at a stateful upstream, no other sees.

Bounded in number and idle time. An owner whose session is gone, for whatever reason, gets a new one and is told so.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from shared.errors import UpstreamUnreachable
from shared.settings import Settings
from workers.backends.mcp_http.following import Following
from workers.backends.mcp_http.sessions import Sessions

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Owned:
    """What belongs to one owner."""

    sessions: Sessions
    following: Following | None
    """Of its stream that belongs to no request, where the upstream may ask there."""
    had: bool
    """Whether there was a session before the ones of this record."""
    renewals_told: int = 0
    calls: int = 0
    """In flight."""
    idle: asyncio.TimerHandle | None = None

    async def close(self) -> None:
        """End the session."""
        if self.following is not None:
            await self.following.close()
        await self.sessions.close()


Open = Callable[[], tuple[Sessions, Following | None]]


class Owners:
    """The owners of one backend's sessions, the one that called last at the end."""

    def __init__(self, open_owned: Open, settings: Settings, backend: str) -> None:
        self._open = open_owned
        self._settings = settings
        self._backend = backend
        self._owned: OrderedDict[str, Owned] = OrderedDict()
        self._former: OrderedDict[str, None] = OrderedDict()
        """Owners whose session was ended by us."""
        self._ending: set[asyncio.Task[None]] = set()

    def enter(self, owner: str) -> Owned:
        """A call of this owner begins; say `leave` at its end. Raises UpstreamUnreachable where there are too many."""
        owned = self._owned.get(owner)
        if owned is None:
            self._make_room()
            sessions, following = self._open()
            owned = self._owned[owner] = Owned(sessions, following, had=owner in self._former)
            self._former.pop(owner, None)
            if following is not None:
                following.start()
        self._owned.move_to_end(owner)
        owned.calls += 1
        if owned.idle is not None:
            owned.idle.cancel()
            owned.idle = None
        return owned

    def leave(self, owner: str, owned: Owned) -> None:
        """A call is over."""
        owned.calls -= 1
        if owned.calls == 0 and self._owned.get(owner) is owned:
            pause_s = self._settings.upstream_owner_idle_s
            owned.idle = asyncio.get_running_loop().call_later(pause_s, self._evict, owner)

    def is_new(self, owned: Owned) -> bool:
        """Whether the session that is there now took the place of one that the owner had, and nobody was told yet."""
        renewals = owned.sessions.lost_so_far + owned.had
        told, owned.renewals_told = owned.renewals_told, renewals
        return renewals > told

    async def close(self) -> None:
        """End all sessions."""
        for owned in self._owned.values():
            if owned.idle is not None:
                owned.idle.cancel()
        closing = [owned.close() for owned in self._owned.values()]
        self._owned.clear()
        await asyncio.gather(*closing, *self._ending, return_exceptions=True)

    def _make_room(self) -> None:
        if len(self._owned) < self._settings.upstream_owners_max:
            return
        longest_idle = next((owner for owner, owned in self._owned.items() if owned.calls == 0), None)
        if longest_idle is None:
            raise UpstreamUnreachable(
                f"All {len(self._owned)} sessions that backend {self._backend!r} may have for owners are in use "
                "(upstream_owners_max); nothing was sent."
            )
        self._evict(longest_idle)

    def _evict(self, owner: str) -> None:
        owned = self._owned.pop(owner)
        if owned.idle is not None:
            owned.idle.cancel()
        self._former[owner] = None
        if len(self._former) > self._settings.upstream_owners_max:
            self._former.popitem(last=False)
        log.debug("an owner's session was ended", backend=self._backend, owners=len(self._owned))
        ending = asyncio.create_task(owned.close())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
