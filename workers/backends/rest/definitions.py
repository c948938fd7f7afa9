"""The definition of one backend, read again when its file or a fragment of it changes. A bad edit keeps what was."""

from collections.abc import Callable
from pathlib import Path

import structlog

from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.settings import Settings
from shared.watched import Watched
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl_file import CACHE_DIR, dadl_directory, dadl_file
from workers.backends.rest.reader.store import DefinitionStore

log = structlog.get_logger()

_ERRORS_SHOWN = 10
_KEPT = "a changed file was not taken over: what it said before stays in force"


class Definitions:
    """What the file says, from the first time that it could be read on."""

    def __init__(self, entry: BackendEntry, settings: Settings, changed: Callable[[Definition], None]) -> None:
        """Reads the file, so not in the event loop. `changed` is told of each later definition, in the event loop; a
        ConfigurationError that it raises keeps what was. Raises ConfigurationError with all that is wrong."""
        self._entry = entry
        self._path = dadl_file(entry, settings)
        self._root = dadl_directory(settings)
        self._store = DefinitionStore(settings.data_dir / CACHE_DIR, settings.dadl_cache_entries_max)
        self._changed = changed
        self._warned: tuple[str, ...] = ()
        self._watched = Watched((self._path,), self._load, poll_s=settings.dadl_poll_s, changed=self._take_over)
        self._watched.follow(self._fragments())

    @property
    def newest(self) -> Definition:
        """What counts now."""
        return self._watched.value

    async def keep_current(self) -> None:
        """Look again and again. Runs until it is cancelled."""
        await self._watched.keep_current()

    def _take_over(self, definition: Definition) -> None:
        self._watched.follow(self._fragments())
        try:
            self._changed(definition)
        except ConfigurationError as error:
            log.error(_KEPT, reason=error.detail)
        except Exception:
            log.exception(_KEPT)

    def _fragments(self) -> tuple[Path, ...]:
        return tuple(self._root / name for name in self.newest.fragments)

    def _load(self) -> Definition:
        loaded = self._store.load(self._path, self._root, shown=self._entry.dadl)
        if loaded.definition is None:
            errors = [problem.placed for problem in loaded.problems if problem.severity == "error"]
            more = len(errors) - _ERRORS_SHOWN
            raise ConfigurationError("\n".join([*errors[:_ERRORS_SHOWN], *([f"and {more} more"] if more > 0 else [])]))
        self._warn(tuple(problem.placed for problem in loaded.problems))
        return loaded.definition

    def _warn(self, problems: tuple[str, ...]) -> None:
        """Once for each content: the file is read again by each start of the backend."""
        if problems and problems != self._warned:
            log.warning(
                "the DADL file has warnings; `toolmesh dadl lint` shows them all",
                backend=self._entry.name,
                count=len(problems),
                first=problems[0],
            )
        self._warned = problems
