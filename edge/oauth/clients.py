"""Clients of the authorization server, whichever way they became known (MCP, authorization, "Client Registration
Approaches")."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from shared.clients_file import CLIENTS_FILE, load_clients
from shared.configuration import ClientEntry
from shared.settings import Settings
from shared.watched import Watched

Kind = Literal["static", "registered", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """What is known of a client."""

    client_id: str
    client_name: str
    kind: Kind
    """Set up by the operator, registered by itself (RFC 7591), or described by a document at its id's URL."""
    redirect_uris: tuple[str, ...]
    auth_methods: tuple[str, ...]
    """How it may authenticate at the token endpoint: any of these."""
    secret_sha256: str | None = None
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    scope: str = ""
    """Scopes that the operator allows it; empty for all."""
    jwks: bytes = b""
    """JSON: its keys, where it brings them itself."""
    jwks_uri: str = ""
    verified: bool = False
    """Whether the operator vouches for its name."""
    document_host: str = ""
    """The host that vouches for its id."""


class Documents(Protocol):
    """Who fetches metadata documents."""

    async def find(self, url: str, *, asked_by: str) -> OAuthClient:
        """The client whose id that is. Raises DocumentRefused."""
        ...


class Clients:
    """Finds clients."""

    def __init__(
        self,
        static: Callable[[], Mapping[str, OAuthClient]],
        documents: Documents,
        registered: Callable[[str], Awaitable[OAuthClient | None]],
    ) -> None:
        self._static = static
        self._documents = documents
        self._registered = registered

    async def find(self, client_id: str, *, asked_by: str) -> OAuthClient | None:
        """A client by its id; None for one that nobody knows. `asked_by`: the address behind the request.

        Raises DocumentRefused, BrokerUnavailable.
        """
        found = self._static().get(client_id)
        if found is not None:
            return found
        if client_id.lower().startswith(("https:", "http:")):
            return await self._documents.find(client_id, asked_by=asked_by)
        return await self._registered(client_id)


def watched_clients(settings: Settings) -> Watched[Mapping[str, OAuthClient]]:
    """The clients of clients.yaml, read again when it changes. Raises ConfigurationError."""

    def load() -> Mapping[str, OAuthClient]:
        entries = load_clients(settings.config_dir, settings.clients_config, schemes=settings.redirect_schemes)
        return {entry.client_id: _static(entry) for entry in entries}

    path = settings.clients_config or settings.config_dir / CLIENTS_FILE
    return Watched([path], load, poll_s=settings.identities_poll_s)


def _static(entry: ClientEntry) -> OAuthClient:
    return OAuthClient(
        client_id=entry.client_id,
        client_name=entry.client_name or entry.client_id,
        kind="static",
        redirect_uris=entry.redirect_uris,
        auth_methods=(entry.token_endpoint_auth_method,),
        secret_sha256=entry.client_secret_sha256,
        scope=entry.scope,
        verified=True,
    )
