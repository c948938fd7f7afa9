"""authenticate: the one place where a request becomes a principal (RFC 6750; RFC 9728 section 5.1; MCP, authorization).

An API key, or an access token that is for the very resource that was called: one of ours, or a JWT of a server that the
operator named. Keys and tokens are looked up by their SHA-256, so neither a comparison's time nor a memory dump of the
table gives one away. Nothing falls back to anonymous: what is presented and not known is refused, and who presents nothing
is let in only where the operator said so twice.
"""

from collections.abc import Callable
from typing import Protocol
from urllib.parse import parse_qsl

from edge.admit import Headers
from edge.authorize import ANONYMOUS
from edge.identities.identities import Identities
from edge.oauth.resource import path_of_request, resource_url
from edge.problems import INVALID_REQUEST, Refusal
from shared.api_keys import digest
from shared.errors import Unauthenticated
from shared.grants import ACCESS, CODE, REFRESH, AccessToken
from shared.identity import Principal

_CHARACTERS_MAX = 4096
_NOT_KNOWN = "The access token or API key is not known."


class Tokens(Protocol):
    """Who knows access tokens."""

    async def find(self, token: str) -> AccessToken | None:
        """The record of a token that may be used now. Raises BrokerUnavailable."""
        ...


class SlowKeys(Protocol):
    """Who knows API keys that are kept as bcrypt hashes."""

    async def find(self, key: str, identities: Identities) -> Principal | None:
        """The principal of a key. Raises TooBusy."""
        ...


class IssuedElsewhere(Protocol):
    """Who knows access tokens that servers of others issued."""

    async def find(self, token: str, digest: str, resource: str) -> Principal | None:
        """Whom a token lets in at a resource; None where it is none of theirs.

        Raises Unauthenticated where it is one and is not taken, AuthorizationServerAway.
        """
        ...


class Authenticator:
    """Knows keys and tokens."""

    def __init__(
        self,
        identities: Callable[[], Identities],
        tokens: Tokens | None,
        slow_keys: SlowKeys,
        public_url: str,
        *,
        anonymous: Callable[[], bool],
        elsewhere: IssuedElsewhere | None = None,
        characters_max: int = _CHARACTERS_MAX,
    ) -> None:
        """`tokens`: None where we issue none. `anonymous`: whether who brings no credential may come in now.

        `characters_max`: of a token that another server issued.
        """
        self._identities = identities
        self._tokens = tokens
        self._slow_keys = slow_keys
        self._public_url = public_url
        self._anonymous = anonymous
        self._elsewhere = elsewhere
        self._characters_max = max(characters_max, _CHARACTERS_MAX)

    async def authenticate(self, headers: Headers, path: str, query: bytes = b"") -> Principal:
        """The principal of a request. Raises Unauthenticated, Refusal (two credentials), BrokerUnavailable, TooBusy."""
        given = headers.get("authorization")
        in_query = query != b"" and _names_a_token(query)
        if given is None:
            if in_query:
                raise Unauthenticated(
                    "A token in the URL ends up in logs. Send it as Authorization: Bearer.", presented=False
                )
            if self._anonymous():
                return ANONYMOUS
            raise Unauthenticated("Send Authorization: Bearer with an access token or an API key.", presented=False)
        if in_query:
            raise Refusal(400, INVALID_REQUEST, "Send one credential, not two.", code="two_credentials")
        scheme, _, token = given.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send Authorization: Bearer with an access token or an API key.", presented=False)
        if len(token) > self._characters_max:
            raise Unauthenticated(_NOT_KNOWN, presented=True)
        if token.startswith((ACCESS, REFRESH, CODE)):
            return await self._of_token(token, path)
        identities = self._identities()
        name = digest(token)
        principal = (
            identities.by_key(name)
            or await self._of_jwt(token, name, path)
            or await self._slow_keys.find(token, identities)
        )
        if principal is None:
            raise Unauthenticated(_NOT_KNOWN, presented=True)
        return principal

    async def _of_jwt(self, token: str, name: str, path: str) -> Principal | None:
        """A signed JWT has three parts with dots between them (RFC 7515 section 3.1)."""
        if self._elsewhere is None or token.count(".") != 2:
            return None
        return await self._elsewhere.find(token, name, resource_url(self._public_url, path_of_request(path)))

    async def _of_token(self, token: str, path: str) -> Principal:
        """Roles and plan are the user's of now; the token says only who it is, which client, what for, and where."""
        record = await self._tokens.find(token) if self._tokens is not None else None
        if record is None or record.grant.resource != resource_url(self._public_url, path_of_request(path)):
            raise Unauthenticated("The access token has expired, was revoked, or is for another resource.", presented=True)
        grant = record.grant
        principal = self._identities().principal_of(
            grant.subject, caller_id=grant.client_id, caller_name=grant.client_name, scopes=record.scopes
        )
        if principal is None:
            raise Unauthenticated("The user of the access token may not come in any more.", presented=True)
        return principal


def _names_a_token(query: bytes) -> bool:
    try:
        fields = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return True
    return any(name == "access_token" for name, _ in fields)


def challenge(error: Unauthenticated, resource_metadata: str, scope: str) -> tuple[bytes, bytes]:
    """The WWW-Authenticate header of a 401; `error` only where a credential was presented (RFC 6750 section 3.1).

    `scope`: what a client is to ask for; empty where there is nothing to log in at.
    """
    problem = f'error="invalid_token", error_description="{error.detail}", ' if error.presented else ""
    asked = f', scope="{scope}"' if scope else ""
    return b"www-authenticate", f'Bearer {problem}resource_metadata="{resource_metadata}"{asked}'.encode()
