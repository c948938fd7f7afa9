"""What of DADL 0.2 is built: the names that `requires.features` may have (DADL 0.2, section 15.3). This is the one list."""

from collections.abc import Mapping
from importlib.metadata import version

_REQUESTS = "rest backends make no requests yet"
_TOKENS = "no access tokens are fetched yet"

FEATURES: Mapping[str, str] = {
    "returns": "",
    "deprecation": "",
    "composites": f"{_REQUESTS}, so composites have nothing to call",
    "file_url": f"{_REQUESTS}, so no file is fetched or sent",
    "health": f"{_REQUESTS}, so no health is checked",
    "idempotency": "",
    "redact": "",
    "semantic_errors": "",
    "refresh_token": _TOKENS,
    "jwt_bearer": _TOKENS,
    "authorization_code": _TOKENS,
    "refresh_token_rotation": f"{_TOKENS}, and there is no place to keep rotated ones",
}
"""Identifier → why it is not there; empty for what is built."""


def own_version() -> str:
    """The version of ToolMesh that runs."""
    return version("toolmesh")
