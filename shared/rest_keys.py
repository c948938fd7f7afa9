"""Every Redis key of REST backends: what their workers share, each group for itself, and files that their tools give.

Secrets are encrypted by who writes them.
"""


def rate_limit(group: str, backend: str) -> str:
    """There as long as the API of a backend wants no more requests; its life is what says until when.

    The `b-` keeps a backend that is called `dead` or `workers` from keys that end so.
    """
    return f"tm:{group}:rest-limit:b-{backend}"


def upstream_token(group: str, digest: str) -> str:
    """An access token, or the tokens and cookies of a session, by what they were got with."""
    return f"tm:{group}:rest-token:{digest}"


def rotated_token(group: str, digest: str) -> str:
    """The newest refresh token of those that came of one that the operator set."""
    return f"tm:{group}:rest-rotated:{digest}"


def token_turn(group: str, digest: str) -> str:
    """Which worker gets a token just now, for all."""
    return f"tm:{group}:rest-turn:{digest}"


def blob(group: str, digest: str) -> str:
    """A file that a tool gave, sealed by its group. `digest`: of the secret in its URL."""
    return f"tm:blob:{group}.{digest}"


def blobs(group: str, backend: str) -> str:
    """Sorted set of the files of a backend, `bytes:digest`, by the time in milliseconds until which they are kept."""
    return f"tm:{group}:blobs:{backend}"
