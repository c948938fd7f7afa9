"""What an access token may be used for: the scopes of this resource, and what each class of call needs (RFC 6749, 3.3)."""

from collections.abc import Iterable

from shared.messages import CallClass

READ = "tools:read"
WRITE = "tools:write"
OFFLINE = "offline_access"
"""Asks the authorization server for a refresh token; no call needs it (OpenID Connect Core, section 11)."""

OF_RESOURCE = (READ, WRITE)
"""Scopes of the resource itself, as its metadata lists them (RFC 9728 section 2)."""
ALL = (*OF_RESOURCE, OFFLINE)
"""Scopes that the authorization server grants (RFC 8414 section 2)."""

IN_WORDS = {
    READ: "Look things up with the tools that you may use",
    WRITE: "Change things with the tools that you may use",
    OFFLINE: "Stay connected when you are away",
}
"""What a person reads before consenting."""


def needed_for(access: CallClass) -> str:
    """The scope that a call of that class needs."""
    return READ if access == "read" else WRITE


def in_order(scopes: Iterable[str]) -> tuple[str, ...]:
    """Those of the scopes that are known, each once, in the order in which we name them."""
    held = set(scopes)
    return tuple(scope for scope in ALL if scope in held)
