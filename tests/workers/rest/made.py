"""Valid arguments for a tool, made of its input schema: the same each time, and none that passes by luck."""

from collections.abc import Collection, Mapping
from typing import Any

TEXT = "a b/ü&c=d?e#f%2F;'\"\\.."
PLAIN = "v-1 (x)"
"""For headers."""

_VALUES: Mapping[str, Any] = {
    "string": TEXT,
    "integer": 1_000_007,
    "number": 2_500_000.0,
    "boolean": True,
    "array": ["x y", 2, True],
    "object": {"k&": ["v="], "n": {"m": 1.5}},
    "null": None,
}


def made(schema: Mapping[str, Any], *, every: bool, plain: Collection[str] = ()) -> dict[str, Any]:
    """Arguments by a schema of an object: all of them, or only those that are required. `plain`: names whose texts are for
    headers."""
    names = schema.get("properties", {}) if every else schema.get("required", ())
    definitions = schema.get("$defs", {})
    found = {name: value_of(schema["properties"][name], definitions) for name in names}
    return {name: PLAIN if name in plain and value == TEXT else value for name, value in found.items()}


def value_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Any:
    """A value that the schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if "$ref" in schema:
        return value_of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return value_of(schema["anyOf"][0], definitions)
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object" and "properties" in schema:
        return made({**schema, "$defs": definitions}, every=True)
    return _VALUES[kind]
