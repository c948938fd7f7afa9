"""Tool definitions as both sides see them."""

import hashlib

import msgspec

from shared.messages import CallClass, Message

RETURNS = "toolmesh/returns"
"""Member of a tool's `_meta`: JSON Schema of its result, for those who show types. It is no `outputSchema`, by which
clients would refuse an answer in which an API differs from what is said of it."""
ACCESS = "toolmesh/access"
"""Member of a tool's `_meta`: what its author says of it (`dangerous`), beside its class."""

KEYED = "toolmesh/keyed"
"""Member of a tool's `_meta`, true where each of its calls has an idempotency key of its own: the mesh may run such a call
twice, since the API then does it once; for who calls it is a write, because a further call has a further key."""


UNRANKED = "toolmesh/unranked"
"""Member of a tool's `_meta`, true: whoever looks for tools finds it by its own name alone."""
COMPOSITE_CALLS_MAX = 50
"""Calls that one run of a composite may make (DADL 0.2, composites)."""


class FurtherCalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """Of a tool that is a script (a composite): it may call those tools of its own backend that make no calls."""

    delegates: tuple[str, ...] = ()
    """Own names of those that it wants to call under its own authority. It may only where the operator says so, too."""


class ToolDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """One tool of one backend."""

    name: str
    """Its name at the backend; clients see `<backend>_<name>`."""
    access: CallClass
    definition: bytes
    """JSON object: the MCP `Tool` as the backend listed it, unknown members included; its `name` is ignored."""
    hash: str
    """Over all of this and the tool's basis: what a call was validated against."""
    calls: FurtherCalls | None = None
    """None for a tool that makes no calls."""
    declared: bool = False
    """Whether a DADL file declares it: arguments that its schema refuses are `invalid_input` then, as DADL 0.2 has it."""


def is_keyed(tool: ToolDefinition) -> bool:
    """Whether the mesh may run a call of this tool twice, and nobody else may."""
    if KEYED.encode() not in tool.definition:
        return False
    meta = msgspec.json.decode(tool.definition).get("_meta")
    return isinstance(meta, dict) and meta.get(KEYED) is True


class Catalogue(Message, frozen=True, kw_only=True, tag="catalogue"):
    """All that one backend offers, published by each worker that serves it."""

    backend: str
    at_ms: int
    tools: tuple[ToolDefinition, ...]
    hash: str
    prompts: tuple[bytes, ...] = ()
    """JSON objects: MCP `Prompt`, as the backend listed them."""
    resources: tuple[bytes, ...] = ()
    """JSON objects: MCP `Resource`."""
    templates: tuple[bytes, ...] = ()
    """JSON objects: MCP `ResourceTemplate`."""
    server: bytes = b""
    """JSON object: what the backend says of itself in its handshake (`capabilities`, `serverInfo`, `instructions`)."""


def define(
    name: str,
    access: CallClass,
    definition: bytes,
    *,
    basis: bytes = b"",
    calls: FurtherCalls | None = None,
    declared: bool = False,
) -> ToolDefinition:
    """Build a definition together with its hash (the first 16 hex digits of a SHA-256). `basis`: digest of what the tool
    does beyond what is said of it; a call that was validated against another one is not run."""
    said = [name.encode(), access.encode(), definition]
    if basis or calls is not None:
        said += [basis, msgspec.msgpack.encode(calls)]
    if declared:
        said.append(b"declared")
    digest = hashlib.sha256(b"\0".join(said)).hexdigest()[:16]
    return ToolDefinition(name=name, access=access, definition=definition, hash=digest, calls=calls, declared=declared)


def catalogue_hash(tools: tuple[ToolDefinition, ...], *others: bytes) -> str:
    """Hash over all definitions, in the order of their names, and over whatever else a catalogue holds."""
    digest = hashlib.sha256("\0".join(t.hash for t in tools).encode())
    for other in others:
        digest.update(b"\0%d\0" % len(other) + other)
    return digest.hexdigest()[:16]


def canonical_name(backend: str, tool: str) -> str:
    """The name under which clients of the aggregated endpoint see a tool."""
    return f"{backend}_{tool}"
