"""All tools that a definition makes of a backend: its own, its composites, and `health`."""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from shared.catalogue import ACCESS, KEYED, RETURNS, UNRANKED, FurtherCalls, ToolDefinition, define
from shared.classes import class_of_operation
from shared.messages import CallClass
from workers.backends.rest.dadl.composite import Composite
from workers.backends.rest.dadl.content_types import body_kind, content_type_of
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.health import HEALTH_TOOL
from workers.backends.rest.dadl.part import Part
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.health.troubles import TROUBLES
from workers.backends.rest.reader.composite_scan import called_tools
from workers.backends.rest.response.override import override_name, override_property
from workers.backends.rest.tools.annotations import annotations
from workers.backends.rest.tools.descriptions import composite_description, tool_description
from workers.backends.rest.tools.schemas import Schema, input_schema

_HEALTH_DESCRIPTION = (
    "Ask whether the API can be reached and takes the credential. It never fails: the result says what is wrong."
)
_HEALTH_RETURNS = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "http_status": {"type": "integer"},
        "error_code": {"enum": list(TROUBLES)},
        "latency_ms": {"type": "number"},
        "checked_at": {"type": "string"},
        "auth_expires_at": {"type": "string"},
        "error": {"type": "string"},
    },
    "required": ["ok", "latency_ms", "checked_at"],
}
_encode = msgspec.json.Encoder().encode
_packed = msgspec.msgpack.Encoder().encode


def tools_of(
    definition: Definition,
    *,
    classes: Mapping[str, CallClass] | None = None,
    include: Collection[str] | None = None,
) -> tuple[ToolDefinition, ...]:
    """The tools, in the order of their names. `classes`: the operator's word (`class:` of backends.yaml), which wins;
    `include`: the only names that are offered, None for all."""
    classes = classes or {}
    found = []
    for name, tool in definition.tools.items():
        if include is None or name in include:
            found.append(_of_tool(name, tool, classes.get(name), definition))
    for name, composite in definition.composites.items():
        if include is None or name in include:
            found.append(_of_composite(name, composite, classes))
    if has_health(definition) and (include is None or HEALTH_TOOL in include):
        found.append(_of_health(definition, classes.get(HEALTH_TOOL)))
    return tuple(sorted(found, key=lambda tool: tool.name))


def has_health(definition: Definition) -> bool:
    """Whether there is a synthetic tool `health`; one that the file declares wins."""
    if definition.health is None or not definition.health.expose:
        return False
    return HEALTH_TOOL not in definition.tools and HEALTH_TOOL not in definition.composites


def _basis(definition: Definition, *parts: Part | None) -> bytes:
    """Digest of all that decides what a request is: where it goes and how it is authenticated, beside the tool itself. A
    call that was validated against another one is not run."""
    basis = (definition.base_url, definition.headers, definition.auth, *parts)
    return hashlib.sha256(_packed(basis)).digest()


def _of_tool(name: str, tool: Tool, said: CallClass | None, definition: Definition) -> ToolDefinition:
    call_class = said or _class(tool)
    described: dict[str, Any] = {
        "description": tool_description(tool, definition.workflows.get(name, ())),
        "inputSchema": _schema_of(tool, definition),
        "annotations": annotations(tool.access, tool.method, call_class, keyed=tool.idempotency is not None),
    }
    if meta := _meta(tool.access, tool.returns) | ({KEYED: True} if tool.idempotency is not None else {}):
        described["_meta"] = meta
    return define(name, call_class, _encode(described), basis=_basis(definition, tool), declared=True)


def _schema_of(tool: Tool, definition: Definition) -> Schema:
    json_body = body_kind(content_type_of(tool, definition.headers)) == "json"
    schema = input_schema(tool.params, json_body=json_body)
    if (name := override_name(tool)) is not None:
        schema["properties"][name] = override_property()
    return schema


def _class(tool: Tool) -> CallClass:
    """One that sends an idempotency key may run twice: the API does it once for each key."""
    found = class_of_operation(tool.access, tool.method)
    return "idempotent" if found == "write" and tool.idempotency is not None else found


def _of_composite(name: str, composite: Composite, classes: Mapping[str, CallClass]) -> ToolDefinition:
    # What it calls reads by the file; the operator may know better of one of them.
    reads = composite.reads and all(classes.get(each.text, "read") == "read" for each in called_tools(composite.code))
    call_class: CallClass = classes.get(name) or ("read" if reads else "write")
    described: dict[str, Any] = {
        "description": composite_description(composite),
        "inputSchema": input_schema(composite.params, json_body=True),
        "annotations": annotations(composite.access, "POST", call_class),
    }
    if meta := _meta(composite.access, None):
        described["_meta"] = meta
    basis = hashlib.sha256(_packed(composite)).digest()
    calls = FurtherCalls(delegates=composite.delegates)
    return define(name, call_class, _encode(described), basis=basis, calls=calls, declared=True)


def _of_health(definition: Definition, said: CallClass | None) -> ToolDefinition:
    call_class: CallClass = said or "read"
    described = {
        "description": _HEALTH_DESCRIPTION,
        "inputSchema": input_schema({}, json_body=False),
        "annotations": annotations("read", "GET", call_class),
        "_meta": {RETURNS: _HEALTH_RETURNS, UNRANKED: True},
    }
    health = definition.health
    named = definition.tools.get(health.tool) if health is not None and health.tool else None
    return define(HEALTH_TOOL, call_class, _encode(described), basis=_basis(definition, health, named), declared=True)


def _meta(access: str | None, returns: Any) -> dict[str, Any]:
    return {**({ACCESS: access} if access else {}), **({RETURNS: returns} if returns is not None else {})}
