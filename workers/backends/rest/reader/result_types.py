"""The types of a file and what its tools return, as JSON Schema (DADL 0.2, types and returns).

A type is named where a schema stands, or where the name of a type stands: `Meter`, `{type: array, items: Meter}`,
`{type: Meter}`, `{$ref: "#/backend/types/Meter"}`. In the schema that comes of it types are `#/$defs/…`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

JSON_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")

_REFERENCE = "#/backend/types/"
_OF_SCHEMAS = ("items", "additionalProperties", "not", "contains", "propertyNames")
_LISTS_OF_SCHEMAS = ("oneOf", "anyOf", "allOf", "prefixItems")
_MAPPINGS_OF_SCHEMAS = ("properties", "patternProperties")
_DEPTH_MAX = 32


class UnknownType(ValueError):
    """A name that is no type of the file; the text says what to write instead."""


class ResultTypes:
    """The types of one file."""

    def __init__(self, types: Mapping[str, Any], nearest: Callable[[str, Collection[str]], str]) -> None:
        """`nearest`: a sentence that names a similar one, for messages."""
        self._types = types
        self._nearest = nearest
        self._resolved: dict[str, Any] = {}
        self._used: dict[str, set[str]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._types

    def schema(self, written: Any) -> dict[str, Any]:
        """The whole schema that is meant by what is written where a type is expected. Raises UnknownType."""
        used: set[str] = set()
        schema = self._schema(written, used, 0)
        defs = {name: self._resolved[name] for name in sorted(self._with_all(used))}
        return {**schema, "$defs": defs} if defs else schema

    def name(self, written: Any) -> str:
        """The result's type in a word; empty for one that has none."""
        if isinstance(written, str):
            return written.removeprefix(_REFERENCE)
        if not isinstance(written, dict):
            return ""
        kind = written.get("$ref", written.get("type"))
        if kind == "array":
            inner = self.name(written.get("items"))
            return f"{inner}[]" if inner else "array"
        return kind.removeprefix(_REFERENCE) if isinstance(kind, str) else ""

    def plain_type(self, written: Any) -> str:
        """What kind of JSON value a type is of; `object` where it does not say."""
        seen: set[str] = set()
        while isinstance(written, str) and written in self._types and written not in seen:
            seen.add(written)
            written = self._types[written]
            written = written.get("type", "object") if isinstance(written, dict) else written
        return written if isinstance(written, str) and written in JSON_TYPES else "object"

    def _with_all(self, names: set[str]) -> set[str]:
        """The types, and those that they need."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if name not in self._resolved:
                used: set[str] = set()
                self._resolved[name] = self._schema(self._types[name], used, 0)
                self._used[name] = used
            waiting += self._used[name]
        return found

    def _schema(self, written: Any, used: set[str], depth: int) -> dict[str, Any]:
        if depth > _DEPTH_MAX:
            raise UnknownType(f"a type is nested deeper than {_DEPTH_MAX} levels. Give its parts names")
        if isinstance(written, str):
            return self._named(written, used)
        if not isinstance(written, dict):
            raise UnknownType("a type is the name of one, or a mapping")
        if isinstance(reference := written.get("$ref"), str):
            if not reference.startswith(_REFERENCE):
                raise UnknownType(f"`{reference[:60]}` leads nowhere. Types of this file are `{_REFERENCE}<name>`")
            inner = self._named(reference.removeprefix(_REFERENCE), used)
            return {**inner, **{key: value for key, value in written.items() if key == "description"}}
        schema = {key: self._part(key, value, used, depth + 1) for key, value in written.items()}
        kind = written.get("type")
        if isinstance(kind, str) and kind not in JSON_TYPES:
            schema = {**self._named(kind, used), **{key: value for key, value in schema.items() if key != "type"}}
        elif isinstance(kind, list) and not all(one in JSON_TYPES for one in kind):
            raise UnknownType("`type` as a list has names of JSON types only")
        return schema

    def _part(self, key: str, value: Any, used: set[str], depth: int) -> Any:
        if key in _OF_SCHEMAS and not isinstance(value, bool):
            return self._schema(value, used, depth)
        if key in _LISTS_OF_SCHEMAS and isinstance(value, list):
            return [self._schema(item, used, depth) for item in value]
        if key in _MAPPINGS_OF_SCHEMAS and isinstance(value, dict):
            return {name: self._schema(item, used, depth) for name, item in value.items()}
        return value

    def _named(self, name: str, used: set[str]) -> dict[str, Any]:
        if name in self._types:
            used.add(name)
            return {"$ref": f"#/$defs/{name.replace('~', '~0').replace('/', '~1')}"}
        if name in JSON_TYPES:
            return {"type": name}
        known = ", ".join(f"`{known}`" for known in self._types)
        advice = self._nearest(name, self._types) or (
            f" Types of this file are {known}." if known else " The file has no `types`."
        )
        raise UnknownType(f"`{name[:60]}` is no type.{advice}")
