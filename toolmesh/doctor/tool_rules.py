"""What clients take of one tool's definition: each rule tells what is wrong with a tool, or nothing."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec

from toolmesh.doctor.shown import quoted

Tool = dict[str, Any]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
REFUSED_AT_ROOT = frozenset(
    {"$dynamicRef", "$recursiveRef", "$ref", "allOf", "anyOf", "const", "else", "enum", "if", "not", "oneOf", "then"}
)
SCHEMA_BYTES_MAX = 16_384
DEFINITION_TOKENS_MAX = 5_000
DESCRIPTION_CHARACTERS_MAX = 2_048
HINTS = ("readOnlyHint", "destructiveHint", "openWorldHint")
_CHARACTERS_PER_TOKEN = 4
_COMPILED_BYTES_MAX = 256 * 1024
_DEPTH_MAX = 64
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=10_000, size_limit=1024 * 1024)
_BY_NAME = frozenset({"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"})
_INNER = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "items", "prefixItems"),
        *("propertyNames", "unevaluatedItems", "unevaluatedProperties"),
        *("allOf", "anyOf", "else", "if", "not", "oneOf", "then"),
    }
)
"""Where schemas stand in a schema (JSON Schema 2020-12 and before)."""
_SEARCH = {"search": "query", "fetch": "id"}


def bad_name(tool: Tool) -> str:
    """A name that is none of `^[a-zA-Z0-9_-]{1,64}$`."""
    name = tool.get("name")
    if not isinstance(name, str):
        return "no name"
    return "" if NAME.fullmatch(name) else f"{len(name)} characters" if len(name) > 64 else "characters"


def bad_schema(tool: Tool) -> str:
    """An input schema that is none of an object, or can't be compiled; where `remote_references` says why, nothing."""
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict):
        return "none"
    if schema.get("type") != "object":
        return f"type {schema.get('type')!r}"
    return "" if remote_references(tool) else _not_compiled(schema)


def bad_output_schema(tool: Tool) -> str:
    """The same of what it gives; a tool need not say it."""
    if "outputSchema" not in tool:
        return ""
    schema = tool["outputSchema"]
    if not isinstance(schema, dict):
        return "no object"
    if schema.get("type") != "object":
        return f"type {schema.get('type')!r}"
    return ", ".join(sorted(REFUSED_AT_ROOT & schema.keys())) or _not_compiled(schema)


def _not_compiled(schema: dict[str, Any]) -> str:
    if len(msgspec.json.encode(schema)) > _COMPILED_BYTES_MAX:
        return "too large to look at"
    try:
        jsonschema_rs.validator_for(schema, offline=True, pattern_options=_PATTERNS)
    except (ValueError, jsonschema_rs.ValidationError):
        return "does not compile"
    return ""


def refused_at_root(tool: Tool) -> str:
    """Keywords that clients' APIs refuse at the root of an input schema."""
    return ", ".join(sorted(REFUSED_AT_ROOT & _schema(tool).keys()))


def remote_references(tool: Tool) -> str:
    """References to elsewhere, which no client follows."""
    for _, schema in _nested(_schema(tool)):
        reference = schema.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            return reference[:80]
    return ""


def bad_property(tool: Tool) -> str:
    """A property whose name is none of `^[a-zA-Z0-9_.-]{1,64}$`."""
    for name, _ in _nested(_schema(tool)):
        if name is not None and not PROPERTY.fullmatch(name):
            return f"property {quoted(name[:80])}"
    return ""


def schema_bytes(tool: Tool) -> int:
    """Of the input schema as compact JSON."""
    return len(msgspec.json.encode(_schema(tool)))


def tokens(tool: Tool) -> int:
    """About so many of name, description and input schema."""
    shown = {name: tool.get(name) for name in ("name", "description", "inputSchema")}
    return len(msgspec.json.encode(shown)) // _CHARACTERS_PER_TOKEN


def bad_description(tool: Tool) -> str:
    """None, or one that is cut."""
    text = tool.get("description")
    if not isinstance(text, str) or not text.strip():
        return "no description"
    return f"{len(text)} characters" if len(text) > DESCRIPTION_CHARACTERS_MAX else ""


def missing_hints(tool: Tool) -> str:
    """Hints that are not said."""
    given = tool.get("annotations")
    hints = given if isinstance(given, dict) else {}
    return ", ".join(name for name in HINTS if not isinstance(hints.get(name), bool))


def reserved(tool: Tool) -> str:
    """`search` and `fetch`, where they are not what OpenAI's deep research and company knowledge call by these names."""
    wanted = _SEARCH.get(str(tool.get("name")))
    if wanted is None:
        return ""
    properties = _schema(tool).get("properties")
    found = properties.get(wanted) if isinstance(properties, dict) else None
    required = _schema(tool).get("required")
    fits = isinstance(found, dict) and found.get("type") == "string"
    others = [name for name in required if name != wanted] if isinstance(required, list) else []
    return "" if fits and not others else f"takes no `{wanted}` alone"


def _schema(tool: Tool) -> dict[str, Any]:
    found = tool.get("inputSchema")
    return found if isinstance(found, dict) else {}


def _nested(schema: Any, name: str | None = None, depth: int = 0) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Each schema in a schema, with the name of the property that it is of."""
    if depth > _DEPTH_MAX:
        return
    if not isinstance(schema, dict):
        return
    yield name, schema
    for keyword, value in schema.items():
        if keyword in _BY_NAME and isinstance(value, dict):
            for inner, each in value.items():
                yield from _nested(each, inner if keyword == "properties" else None, depth + 1)
        elif keyword in _INNER:
            for each in value if isinstance(value, list) else (value,):
                yield from _nested(each, None, depth + 1)
