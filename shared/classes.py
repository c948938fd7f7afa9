"""The class of a call: whether running it a second time is harmless (docs/guarantees.md). The unknown counts as `write`.

Sources: the annotations of an MCP server's tool (MCP 2026-07-28, schema, `ToolAnnotations`); `access` and method of a tool
in a DADL file (DADL 0.1, backend.tools; RFC 9110 section 9.2 for the methods).
"""

from collections.abc import Mapping

from shared.messages import CallClass

_HINTS = ("readOnlyHint", "idempotentHint", "destructiveHint", "openWorldHint")
_READING = (None, "read", "admin")
_KNOWN_ACCESS = (*_READING, "write", "dangerous")


def class_of_annotations(annotations: object) -> CallClass:
    """The class that a server gives its tool, for an operator who trusts it. `annotations`: the tool's, decoded from JSON.

    `destructiveHint` says how bad a run is, not whether a second one is worse. A hint that is no boolean makes the tool a
    `write`: who gets one wrong may have got the others wrong.
    """
    if not isinstance(annotations, Mapping):
        return "write"
    if not all(isinstance(annotations.get(hint, False), bool) for hint in _HINTS):
        return "write"
    if annotations.get("readOnlyHint") is True:
        return "read"
    return "idempotent" if annotations.get("idempotentHint") is True else "write"


def class_of_operation(access: str | None, method: str) -> CallClass:
    """The class of a DADL tool: its `access` (None where it has none) and HTTP method, in any case.

    GET and HEAD read (they are safe), unless `access` says otherwise: with `write` or `dangerous` the author says that this
    GET changes something (`/auth/logout`). `admin` says who may call, not what it does: with GET it lists users or
    settings. POST reads where `access` says so, as searches do, and is a write otherwise. PUT and DELETE are idempotent,
    whatever `access` says of how bad they are. PATCH, any other method and any other `access` count as `write`.
    """
    method = method.upper()
    if access not in _KNOWN_ACCESS:
        return "write"
    if method in ("GET", "HEAD"):
        return "read" if access in _READING else "write"
    if method == "POST":
        return "read" if access == "read" else "write"
    return "idempotent" if method in ("PUT", "DELETE") else "write"
