"""What must be true of a JWT for it to be an access token for us (RFC 9068 section 4, RFC 8725).

The texts are for whoever holds the token, and stand in the challenge (RFC 6750 section 3): printable ASCII without quotes.
"""

from collections.abc import Mapping
from typing import Any

from edge.oauth.signature import REFUSED_HEADERS
from shared.authorization_servers_file import AuthorizationServerEntry

_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
"""Claims that only an id_token has (OpenID Connect Core 1.0, section 2)."""
_TYPES = {"at+jwt": "at+jwt", "application/at+jwt": "at+jwt", "jwt": "JWT", "application/jwt": "JWT"}
"""What `typ` says, in small letters → what an entry calls it."""
_CLIENT_CHARACTERS_MAX = 256
_KEY_ID_CHARACTERS_MAX = 256
_SCOPES_MAX = 256
_TIME_MAX = 2**53


class TokenRefused(Exception):
    """A token that is not taken. The text may be shown to whoever brought it."""


def check_header(header: Mapping[str, Any], claims: Mapping[str, Any], entry: AuthorizationServerEntry) -> None:
    """Whether it can be an access token at all. Raises TokenRefused."""
    if header.get("alg") not in entry.algorithms:
        raise TokenRefused("The access token is signed with an algorithm that is not taken.")
    if REFUSED_HEADERS & header.keys():
        raise TokenRefused("The access token has a header that is not taken.")
    if _kind_of(header) not in entry.types:
        raise TokenRefused("The token does not say that it is an access token (typ at+jwt).")
    if "cnf" in claims:
        # RFC 9449 section 7.2, RFC 8705 section 3: nobody may take it from whoever shows nothing beside it.
        raise TokenRefused("The access token is bound to a key of its client, which is not supported.")
    if _kind_of(header) != "at+jwt" and (_OF_ID_TOKENS & claims.keys() or not ("scope" in claims or "scp" in claims)):
        raise TokenRefused("The token is no access token: it has no scope, or is an id_token.")


def _kind_of(header: Mapping[str, Any]) -> str | None:
    if "typ" not in header:
        return "absent"
    said = header["typ"]
    return _TYPES.get(said.lower()) if isinstance(said, str) else None


def key_id_of(header: Mapping[str, Any]) -> str | None:
    """The id of the key that it says it is signed with. Raises TokenRefused for what can't be one."""
    key_id = header.get("kid")
    if key_id is None:
        return None
    if not isinstance(key_id, str) or not 0 < len(key_id) <= _KEY_ID_CHARACTERS_MAX:
        raise TokenRefused("The access token has a header that is not taken.")
    return key_id


def check_claims(claims: Mapping[str, Any], entry: AuthorizationServerEntry, resource: str, now: float) -> float:
    """Whether it is for us, and now; gives when it ends. `now` and that: seconds since 1970. Raises TokenRefused."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or not any(each in audiences for each in entry.audiences or (resource,)):
        raise TokenRefused("The access token is for another resource.")
    expires = _time(claims, "exp")
    if expires is None:
        raise TokenRefused("The access token does not say when it expires.")
    if expires + entry.clock_leeway_s <= now:
        raise TokenRefused("The access token has expired.")
    if expires > now + entry.token_life_s_max + entry.clock_leeway_s:
        raise TokenRefused("The access token lives for longer than is taken.")
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins > now + entry.clock_leeway_s:
            raise TokenRefused("The access token is not valid yet.")
    return expires + entry.clock_leeway_s


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2); None where there is none. Raises TokenRefused for anything else."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _TIME_MAX:
        raise TokenRefused("The access token says a time that is none.")
    return float(value)


def client_of(claims: Mapping[str, Any], entry: AuthorizationServerEntry) -> str:
    """Which client it was issued to. Raises TokenRefused."""
    client = claims.get(entry.client_claim)
    if not isinstance(client, str) or not 0 < len(client) <= _CLIENT_CHARACTERS_MAX or not client.isprintable():
        raise TokenRefused("The access token does not say which client it was issued to.")
    return client


def scopes_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Its scopes, as the server names them. Raises TokenRefused."""
    said = claims.get("scope", claims.get("scp", ""))
    scopes = said.split(" ") if isinstance(said, str) else said
    if not isinstance(scopes, list) or len(scopes) > _SCOPES_MAX or not all(isinstance(each, str) for each in scopes):
        raise TokenRefused("The access token says scopes that are none.")
    return tuple(scopes)
