"""What configuration files say, read again when one of them changes.

A bad edit keeps what was, and the log says so. A file that is gone has to be gone twice before it counts: editors replace a
file by removing it first, and a moment without `users.yaml` must throw nobody out.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from shared.errors import ConfigurationError

log = structlog.get_logger()

T = TypeVar("T")

_Stamp = tuple[int, int, int]


class Watched(Generic[T]):
    """The value of some files."""

    def __init__(
        self,
        paths: Iterable[Path],
        load: Callable[[], T],
        *,
        poll_s: float,
        changed: Callable[[T], None] = lambda value: None,
    ) -> None:
        """`load` reads all of the files; `changed` is told of each new value. Raises ConfigurationError."""
        self._paths = tuple(paths)
        self._further: tuple[Path, ...] = ()
        self._load = load
        self._poll_s = poll_s
        self._changed = changed
        self._seen = self._stamps()
        self._gone: set[Path] = set()
        self.value = load()
        """Never changed in place: whoever asks takes the newest as a whole."""

    def follow(self, further: Iterable[Path]) -> None:
        """Look at these files too, instead of those that were named so before: what a value says it is made of."""
        self._further = tuple(further)
        self._seen = {**{path: _stamp(path) for path in self._further}, **{path: self._seen[path] for path in self._paths}}

    async def keep_current(self) -> None:
        """Look again and again. Runs until it is cancelled."""
        while True:
            await asyncio.sleep(self._poll_s)
            await self.look()

    async def look(self) -> None:
        """Take over what changed since the last look."""
        stamps = self._stamps()
        if stamps == self._seen:
            self._gone.clear()
            return
        gone = {path for path, stamp in stamps.items() if stamp is None and self._seen[path] is not None}
        if gone - self._gone:
            self._gone = gone
            return
        self._gone.clear()
        self._seen = stamps
        try:
            value = await asyncio.to_thread(self._load)
        except ConfigurationError as error:
            log.error("a changed file was not taken over: what it said before stays in force", reason=error.detail)
            return
        except Exception:
            log.exception("a changed file was not taken over: what it said before stays in force")
            return
        self.value = value
        names = sorted(path.name for path in self._paths)
        log.info("configuration read again", files=names)
        self._changed(value)

    def _stamps(self) -> dict[Path, _Stamp | None]:
        return {path: _stamp(path) for path in (*self._paths, *self._further)}


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
