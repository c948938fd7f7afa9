"""Telling of changes: however often a server says that something changed, it is passed on once in a while."""

import asyncio
from collections.abc import Callable

from shared.settings import Settings

_TTL_MIN_S = 5.0


class Changes:
    """What changed at one backend."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._changed: Callable[[], None] | None = None
        self._updated: Callable[[str], None] | None = None
        self._watched: frozenset[str] = frozenset()
        self._resting: dict[str, asyncio.TimerHandle] = {}
        """What was told just now; under "" that the lists changed."""
        self._again: set[str] = set()
        self._relist: asyncio.TimerHandle | None = None

    def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Tell them from now on."""
        self._changed, self._updated = changed, updated

    def close(self) -> None:
        """Tell nobody any more."""
        self._changed = self._updated = None
        for timer in (*self._resting.values(), *([self._relist] if self._relist else [])):
            timer.cancel()

    def watch(self, uris: frozenset[str]) -> None:
        """Changes of other resources are nobody's business."""
        self._watched = uris

    def note_listed(self, ttl_s: float | None) -> None:
        """The lists were read just now; `ttl_s`: how long the server says that they are good for."""
        if self._relist is not None:
            self._relist.cancel()
        pause_s = self._settings.upstream_relist_s
        if ttl_s is not None:
            pause_s = min(max(ttl_s, _TTL_MIN_S), pause_s)
        self._relist = asyncio.get_running_loop().call_later(pause_s, self.lists_changed)

    def lists_changed(self) -> None:
        """The lists may have changed."""
        self._tell("")

    def resource_changed(self, uri: str) -> None:
        """A resource changed."""
        if uri in self._watched:
            self._tell(uri)

    def _tell(self, what: str) -> None:
        if self._changed is None or self._updated is None:
            return
        if what in self._resting:
            self._again.add(what)
            return
        loop = asyncio.get_running_loop()
        self._resting[what] = loop.call_later(self._settings.upstream_changes_s, self._rested, what)
        if what:
            self._updated(what)
        else:
            self._changed()

    def _rested(self, what: str) -> None:
        del self._resting[what]
        if what in self._again:
            self._again.discard(what)
            self._tell(what)
