"""Stands in for a kind of backend that this release or installation does not have: fails by itself, with the reason."""

from collections.abc import Callable

from shared.configuration import BackendEntry
from shared.errors import BackendUnavailable
from shared.settings import Settings
from workers.backends.backend import Backend, Invocation, Offer
from workers.credentials import Credentials


class MissingBackend:
    """A backend whose kind nobody provides."""

    def __init__(self, entry: BackendEntry) -> None:
        self._reason = BackendUnavailable(
            f"transport {entry.transport!r} of backend {entry.name!r} is not built in this release."
        )

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Always raises."""
        raise self._reason

    async def list_all(self) -> Offer:
        """Always raises."""
        raise self._reason

    async def call(self, invocation: Invocation) -> bytes:
        """Always raises."""
        raise self._reason

    async def watch(self, uris: frozenset[str]) -> None:
        """Nothing here changes."""

    async def close(self) -> None:
        """Nothing to let go of."""


def open_missing(entry: BackendEntry, settings: Settings, credentials: Credentials) -> Backend:
    """The stand-in for an entry."""
    return MissingBackend(entry)
