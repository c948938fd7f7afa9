"""Which variables are whose secrets, so that each role is given its own only."""

from collections.abc import Iterable, Mapping

from shared.configuration import BackendEntry

_PREFIX = "CREDENTIAL_"
_OF_THE_DOOR = (
    "AUTH_REDIS_URL",
    "TOOLMESH_API_KEY",
    "TOOLMESH_AUTH_PASSWORD",
    "TOOLMESH_IDENTITY_SECRETS",
    "TOOLMESH_OWNER_KEY_SHA256",
    "TOOLMESH_OWNER_PASSWORD_HASH",
)
"""What lets somebody in: edges alone ask for it."""


def without_secrets(environment: Mapping[str, str], entries: Iterable[BackendEntry] = ()) -> dict[str, str]:
    """The environment without `CREDENTIAL_*` and without the variables that backends' `env:` names instead."""
    renamed = {variable for entry in entries for variable in entry.env.values()}
    return {name: value for name, value in environment.items() if not name.startswith(_PREFIX) and name not in renamed}


def without_door_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what only edges look at: the owner's credentials, and where log-ins are kept."""
    return {name: value for name, value in environment.items() if name.removesuffix("_FILE") not in _OF_THE_DOOR}
