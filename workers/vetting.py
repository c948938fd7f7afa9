"""Vetting of tool definitions that an upstream listed, before anyone compiles their schemas or shows them to a client.

A definition is the upstream's word (OWASP MCP03, tool poisoning): a bad one is quarantined, the others are listed.
"""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec

from shared.json_text import depth_exceeds
from shared.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_DATA = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose values are data, not schemas."""

_REGEX_BYTES_MAX = 1024 * 1024
_BACKTRACKS_MAX = 100_000
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKS_MAX, size_limit=_REGEX_BYTES_MAX)


class _Tool(msgspec.Struct):
    """What is looked at of an MCP `Tool`; all else is passed on as it came."""

    name: str
    inputSchema: msgspec.Raw  # noqa: N815 (MCP's name)
    outputSchema: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815 (MCP's name)


_tools = msgspec.json.Decoder(_Tool)
_members_of = msgspec.json.Decoder(dict[str, msgspec.Raw])


def vet(definition: bytes, settings: Settings) -> str | None:
    """Why a tool may not be listed, in words for the log; None where it may.

    `definition`: the MCP `Tool` as JSON, as the upstream listed it.
    """
    if len(definition) > 2 * settings.schema_bytes_max:
        return f"the definition has {len(definition)} bytes"
    if depth_exceeds(definition, settings.json_depth_max + 2):
        return f"the definition nests deeper than {settings.json_depth_max}"
    try:
        tool = _tools.decode(definition)
    except (msgspec.DecodeError, RecursionError) as cause:
        return f"the definition is not a tool: {cause}"
    if not _NAME.fullmatch(tool.name):
        return "the name is not 1 to 128 of A-Z, a-z, 0-9, `_`, `.`, `-`"
    if reason := _vet_schema(bytes(tool.inputSchema), settings):
        return f"inputSchema: {reason}"
    return None


def vet_output(definition: bytes, settings: Settings) -> str | None:
    """Why a tool that may be listed is to be listed without its outputSchema, in words for the log; None where it is fit.

    What is promised of results is no reason to keep a tool from those who would call it.
    """
    output = bytes(_tools.decode(definition).outputSchema)
    return _vet_schema(output, settings) if output else None


def without_output(definition: bytes) -> bytes:
    """The tool without its outputSchema; all else stays the bytes that it is."""
    members = _members_of.decode(definition)
    return msgspec.json.encode({name: value for name, value in members.items() if name != "outputSchema"})


def _vet_schema(text: bytes, settings: Settings) -> str | None:
    if len(text) > settings.schema_bytes_max:
        return f"{len(text)} bytes, more than {settings.schema_bytes_max}"
    if depth_exceeds(text, settings.json_depth_max):
        return f"nests deeper than {settings.json_depth_max}"
    try:
        schema = msgspec.json.decode(text)
    except msgspec.DecodeError as cause:
        return f"not JSON: {cause}"
    if not isinstance(schema, dict):
        return "not an object"
    if schema.get("type") != "object":
        return '`"type": "object"` is missing at the root'
    if reason := _vet_nodes(schema, settings.schema_nodes_max):
        return reason
    try:
        jsonschema_rs.validator_for(schema, offline=True, pattern_options=_PATTERNS)
    except ValueError as cause:
        return f"does not compile: {str(cause).partition(chr(10))[0][:200]}"
    return None


def _vet_nodes(schema: dict[str, Any], nodes_max: int) -> str | None:
    """Count what a compiler has to visit, and look at every reference: only those into the schema itself may stay."""
    for nodes, (member, value) in enumerate(_members(schema), start=1):
        if nodes > nodes_max:
            return f"more than {nodes_max} nodes"
        if member in _REFERENCES and isinstance(value, str) and not value.startswith("#"):
            return f"`{member}` leads out of the schema"
    return None


def _members(schema: dict[str, Any]) -> Iterator[tuple[str | None, Any]]:
    """Every value in a schema with the name of the member that it is; elements of arrays have none."""
    waiting: list[tuple[str | None, Any, bool]] = [(None, schema, False)]
    while waiting:
        name, value, is_data = waiting.pop()
        yield (None if is_data else name), value
        if isinstance(value, dict):
            waiting.extend((k, v, is_data or k in _DATA) for k, v in value.items())
        elif isinstance(value, list):
            waiting.extend((None, v, is_data) for v in value)
