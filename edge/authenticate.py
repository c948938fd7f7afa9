"""authenticate: the one place where a request becomes a principal (RFC 6750, RFC 9728 section 5.1).

Keys are looked up by their SHA-256, so neither a comparison's time nor a memory dump of the table gives one away. There is
no anonymous caller: what is not known is refused.
"""

import hashlib
from collections.abc import Iterable

from edge.admit import Headers
from shared.configuration import ApiKeyEntry
from shared.errors import ConfigurationError, Unauthenticated
from shared.identity import Principal
from shared.settings import Settings

_KEY_CHARS_MAX = 4096


class Authenticator:
    """Knows the API keys of the operator."""

    def __init__(self, settings: Settings, entries: Iterable[ApiKeyEntry]) -> None:
        self._principals: dict[str, Principal] = {}
        owner = Principal(
            subject=settings.auth_user,
            plan=settings.auth_plan,
            roles=settings.auth_roles,
            caller_id=settings.auth_user,
            owner=True,
        )
        if settings.api_key is not None:
            self._principals[_digest(settings.api_key.reveal())] = owner
        if settings.owner_key_sha256 is not None:
            self._principals[settings.owner_key_sha256.lower()] = owner
        for entry in entries:
            if entry.key_sha256 is not None:
                self._principals[entry.key_sha256.lower()] = Principal(
                    tenant=entry.company_id,
                    subject=entry.user_id,
                    plan=entry.plan,
                    roles=entry.roles,
                    caller_id=entry.caller_id or entry.user_id,
                )
        if not self._principals:
            raise ConfigurationError(
                "Nobody could call this edge: set TOOLMESH_API_KEY, or make a key with `toolmesh key new`."
            )

    def authenticate(self, headers: Headers) -> Principal:
        """The principal of a request. Raises Unauthenticated."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send Authorization: Bearer with an API key.", presented=False)
        principal = self._principals.get(_digest(token)) if len(token) <= _KEY_CHARS_MAX else None
        if principal is None:
            raise Unauthenticated("The API key is not known.", presented=True)
        return principal


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def challenge(error: Unauthenticated, resource_metadata: str) -> tuple[bytes, bytes]:
    """The WWW-Authenticate header of a 401; `error` only where a credential was presented (RFC 6750 section 3.1)."""
    problem = 'error="invalid_token", error_description="The API key is not known", ' if error.presented else ""
    return b"www-authenticate", f'Bearer {problem}resource_metadata="{resource_metadata}"'.encode()
