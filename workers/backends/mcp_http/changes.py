"""What changed at an upstream, passed on at a bounded rate however often it is told; and a new listing after a while."""

import asyncio
from collections.abc import Callable

from shared.settings import Settings

_TTL_MIN_S = 5.0
_URI_CHARS_MAX = 2048
_PENDING_MAX = 1024
"""Resources that are told of again at the end of their pause."""


class Changes:
    """The changes of one backend."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._changed: Callable[[], None] | None = None
        self._updated: Callable[[str], None] | None = None
        self._relist: asyncio.TimerHandle | None = None
        self._pending: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")
        self._pauses: dict[str, asyncio.TimerHandle] = {}
        self._again: set[str] = set()
        self.watched: frozenset[str] = frozenset()
        """Resources of which updates are passed on."""
        self.streaming = False
        """Whether the upstream tells of changes at this moment."""

    def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Pass on from now on."""
        self._changed = changed
        self._updated = updated

    def close(self) -> None:
        """Pass on nothing more."""
        self._changed = self._updated = None
        for timer in (self._relist, self._pending, *self._pauses.values()):
            if timer is not None:
                timer.cancel()
        self._pauses.clear()

    def note_listed(self, ttl_s: float | None) -> None:
        """All lists were read just now, and the upstream said how long that is good for."""
        if self._relist is not None:
            self._relist.cancel()
        pause_s = self._settings.upstream_relist_s
        if ttl_s is not None and not self.streaming:
            pause_s = min(max(ttl_s, _TTL_MIN_S), pause_s)
        self._relist = asyncio.get_running_loop().call_later(pause_s, self.tell)

    def tell(self) -> None:
        """The offer may have changed."""
        if self._pending is not None or self._changed is None:
            return
        loop = asyncio.get_running_loop()
        wait_s = self._told_at + self._settings.upstream_changes_s - loop.time()
        self._pending = loop.call_later(max(wait_s, 0), self._pass_on)

    def tell_updated(self, uri: str) -> None:
        """A resource changed. Nobody is told of one that is not watched, nor is part of one that is."""
        if self._updated is None or not self._is_watched(uri):
            return
        if uri in self._pauses:
            self._again.add(uri)
        elif len(self._pauses) < _PENDING_MAX:
            self._pass_on_updated(uri)

    def tell_all(self) -> None:
        """Nobody knows what was missed."""
        self.tell()
        for uri in self.watched:
            self.tell_updated(uri)

    def _is_watched(self, uri: str) -> bool:
        """Whether it is watched itself, or lies below one that is: MCP lets a server tell of a sub-resource."""
        if uri in self.watched:
            return True
        if not self.watched or len(uri) > _URI_CHARS_MAX:
            return False
        while (end := uri.rfind("/")) > 0:
            uri = uri[:end]
            if uri in self.watched:
                return True
        return False

    def _pass_on(self) -> None:
        self._pending = None
        self._told_at = asyncio.get_running_loop().time()
        if self._changed is not None:
            self._changed()

    def _pass_on_updated(self, uri: str) -> None:
        pause_s = self._settings.upstream_changes_s
        self._pauses[uri] = asyncio.get_running_loop().call_later(pause_s, self._after_pause, uri)
        if self._updated is not None:
            self._updated(uri)

    def _after_pause(self, uri: str) -> None:
        del self._pauses[uri]
        if uri in self._again:
            self._again.discard(uri)
            self._pass_on_updated(uri)
