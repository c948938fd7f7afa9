"""What is worth saying at start about who may come in."""

from collections.abc import Iterable

from shared.configuration import UserEntry
from shared.settings import Settings


def access_notes(settings: Settings, users: Iterable[UserEntry]) -> tuple[str, ...]:
    """What is accepted and has no effect."""
    if not any(user.username == settings.auth_user for user in users):
        return ()
    beside = "TOOLMESH_AUTH_PASSWORD" if settings.auth_password is not None else "the owner's generated password"
    return (
        f"users.yaml has a user `{settings.auth_user}`, so {beside} opens nothing: that entry's password does, and it is "
        "not the owner's log-in. Set TOOLMESH_AUTH_USER to another name to have both.",
    )


def access_warnings(settings: Settings) -> tuple[str, ...]:
    """What the operator must know of an edge that starts."""
    if settings.auth != "none":
        return ()
    return (
        "TOOLMESH_AUTH is none: whoever reaches this edge may call, without any credential, what the rule `anonymous` of "
        "authorization.yaml allows. Leave it out unless that is what you want.",
    )
