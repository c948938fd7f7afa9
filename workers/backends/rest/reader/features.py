"""What of DADL 0.2 is built: the names that `requires.features` may have (DADL 0.2, section 15.3). This is the one list."""

from collections.abc import Mapping
from importlib.metadata import version

FEATURES: Mapping[str, str] = {
    "returns": "",
    "deprecation": "",
    "composites": "",
    "file_url": "",
    "health": "",
    "idempotency": "",
    "redact": "",
    "semantic_errors": "",
    "refresh_token": "",
    "jwt_bearer": "",
    "authorization_code": "",
    "refresh_token_rotation": "",
}
"""Identifier → why it is not there; empty for what is built. `authorization_code` is, at run time: a person's consent is
given elsewhere."""

MATCHED_VERSION = "0.4.1"
"""The upstream release whose files run here. Published files say by upstream's numbers what they require, not by ours."""


def own_version() -> str:
    """The version of ToolMesh that runs."""
    return version("toolmesh")
