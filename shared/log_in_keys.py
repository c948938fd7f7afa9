"""Every Redis key and channel of log-ins, which are the edges' own. Secrets are named by their SHA-256."""

REVOKED = "tm-auth:revoked"
"""Channel of grants that have ended, by the name of their family."""
AUTH_CLIENTS = "tm-auth:clients"
"""Sorted set of the clients that registered themselves, by the time at which each is forgotten."""


def authorization_request(digest: str) -> str:
    """A client's request that waits for the person."""
    return f"tm-auth:request:{digest}"


def log_in_elsewhere(digest: str) -> str:
    """A person who was sent to an identity provider, by browser and state."""
    return f"tm-auth:elsewhere:{digest}"


def decided_request(digest: str) -> str:
    """One that the person has decided just now."""
    return f"tm-auth:decided:{digest}"


def browser_session(digest: str) -> str:
    """A browser in which somebody logged in."""
    return f"tm-auth:session:{digest}"


def family(name: str) -> str:
    """Hash of one grant: `r` its record with the current refresh token, `n` how often that was renewed, `at` when last. It
    is made once, with the code; whatever ends the grant deletes it, and nothing makes it again."""
    return f"tm-auth:family:{name}"


def authorization_code(digest: str) -> str:
    """A code that was not redeemed yet."""
    return f"tm-auth:code:{digest}"


def spent_code(digest: str) -> str:
    """Mark of a code that was redeemed: who brings it again ends the grant."""
    return f"tm-auth:spent:{digest}"


def access_token(digest: str) -> str:
    """An access token."""
    return f"tm-auth:access:{digest}"


def registered_client(client_id: str) -> str:
    """A client that registered itself."""
    return f"tm-auth:client:{client_id}"


def once(digest: str) -> str:
    """Mark of something that may be used once: a client's assertion (RFC 7523 section 3, `jti`)."""
    return f"tm-auth:once:{digest}"


def failures(kind: str, digest: str) -> str:
    """Count of failed log-ins: of an account, of an address, of both together."""
    return f"tm-auth:failures:{kind}:{digest}"


def rate(kind: str, digest: str) -> str:
    """Count of something that an address may do so often in a minute."""
    return f"tm-auth:rate:{kind}:{digest}"
