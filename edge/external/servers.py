"""Authorization servers of others, as `authorization-servers.yaml` says it at one moment, and ours among them.

Where clients are sent, and what for: most use the first server alone, so order is the operator's, and the names of scopes
that everybody is told are those of the first.
"""

from collections.abc import Iterable

from edge.external.scope_names import OURS, ScopeNames
from shared.authorization_servers_file import (
    AUTHORIZATION_SERVERS_FILE,
    AuthorizationServerEntry,
    load_authorization_servers,
)
from shared.settings import Settings
from shared.watched import Watched


class Servers:
    """Never changed: whoever asks takes the newest as a whole."""

    def __init__(self, entries: Iterable[AuthorizationServerEntry], settings: Settings, public_url: str) -> None:
        self._by_issuer = {entry.issuer: entry for entry in entries}
        self._names = {entry.issuer: ScopeNames(entry.scopes, entry.scope_prefix) for entry in self._by_issuer.values()}
        own = [public_url] if settings.own_authorization_server != "off" else []
        others = list(self._by_issuer)
        self.listed = tuple([*own, *others] if settings.own_authorization_server == "first" else [*others, *own])
        """The issuers that clients are told of (RFC 9728 section 2), in that order."""
        self.names = self._names.get(self.listed[0], OURS) if self.listed else OURS
        """How scopes are called where clients are sent first."""

    def __bool__(self) -> bool:
        """Whether there are any beside our own."""
        return bool(self._by_issuer)

    def entry(self, issuer: str) -> AuthorizationServerEntry | None:
        """The server of that very name."""
        return self._by_issuer.get(issuer)

    def names_at(self, issuer: str) -> ScopeNames:
        """How scopes are called at a server; for any name that is none's, at our own."""
        return self._names.get(issuer, OURS)

    def names_for(self, caller_id: str) -> ScopeNames:
        """How scopes are called where a client got its token (`caller_of`)."""
        return self.names_at(caller_id.partition("#")[0])


def caller_of(issuer: str, client_id: str) -> str:
    """The `caller_id` of a client of another server: no client of ours, whose id never holds a `#`, is called like that."""
    return f"{issuer}#{client_id}"


def watched_servers(settings: Settings, public_url: str) -> Watched[Servers]:
    """The servers as the file says now. Raises ConfigurationError."""
    path = settings.authorization_servers_config or settings.config_dir / AUTHORIZATION_SERVERS_FILE

    def load() -> Servers:
        entries = load_authorization_servers(settings.config_dir, settings.authorization_servers_config, own_url=public_url)
        return Servers(entries, settings, public_url)

    return Watched((path,), load, poll_s=settings.identities_poll_s)
