"""Code mode: the backend that runs scripts, and the one tool that it has, as both sides know them.

It is no backend of the operator's: it has a worker group of its own, whose workers hold no credential, and its tool is
listed by the edge under its bare name.
"""

import msgspec

from shared.catalogue import define
from shared.configuration import BackendEntry
from shared.settings import Settings

CODE = BackendEntry(name="code", transport="code", group="code")
"""The backend. Its name is taken: no entry of `backends.yaml` may have it."""

EXECUTE_CODE = "execute_code"

DEFINITION = define(
    EXECUTE_CODE,
    "write",
    msgspec.json.encode(
        {
            "name": EXECUTE_CODE,
            "title": "Run a script over tools",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "code": {"type": "string", "minLength": 1, "description": "The script: JavaScript or TypeScript."},
                    "include_results": {
                        "type": "boolean",
                        "default": False,
                        "description": "Whether the whole result of each call is given beside what the script returns.",
                    },
                },
                "required": ["code"],
                "additionalProperties": False,
            },
        }
    ),
)
"""What arguments are held against. A script counts as a write: it is marked as one before its first call that is none."""


def offers_code(settings: Settings) -> bool:
    """Whether a role with these settings has code mode: it is switched on, and there is a key of its worker group."""
    return settings.code_mode and settings.mesh_keys is not None and CODE.group in settings.mesh_keys.groups
