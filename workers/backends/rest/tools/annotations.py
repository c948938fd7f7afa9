"""MCP's hints (2026-07-28, schema, `ToolAnnotations`) of a file's tools, from `access` and the HTTP method.

Edges say themselves what is read-only and what may run twice, by a tool's class; they take from here how bad a run may be.
"""

from shared.messages import CallClass

_HARMLESS_ACCESS = ("read", "write", "admin")


def annotations(access: str | None, method: str, call_class: CallClass, *, keyed: bool = False) -> dict[str, bool]:
    """`destructiveHint` is true of DELETE, of `access: dangerous`, and where nothing or a word of its own is said.

    `keyed`: each call has an idempotency key of its own, so that a further call is a further change.
    """
    reads = call_class == "read"
    return {
        "readOnlyHint": reads,
        "destructiveHint": not reads and (method == "DELETE" or access not in _HARMLESS_ACCESS),
        "idempotentHint": reads or (call_class == "idempotent" and not keyed),
        "openWorldHint": True,
    }
