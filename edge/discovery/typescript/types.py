"""A JSON Schema as a type of TypeScript. A type is for reading: it may be wider than the schema, never narrower.

What a type can't say (defaults, limits, formats) stands in the doc comment of its property.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from edge.accepted.references import NOWHERE, at
from edge.discovery.typescript.notes import notes
from edge.discovery.typescript.text import comment, literal, property_name, shortened

SCHEMAS_MAX = 400
"""Of one tool; what comes after them is shown as `any`."""
_DEPTH_MAX = 10
_VALUES_MAX = 40
"""Of an enumeration."""
_MEMBERS_MAX = 100
_COMMENT_CHARS_MAX = 300
_LITERAL_CHARS_MAX = 100
_INDENT = "  "
_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}
_OBJECT_WORDS = ("properties", "required", "additionalProperties", "patternProperties")
_ARRAY_WORDS = ("items", "prefixItems")
_ANY = "any"
_ROOT = frozenset({"#"})


class _Compound(str):
    """A type of several, to be put into brackets beside others."""

    __slots__ = ()


class Types:
    """Types of the schemas of one definition."""

    def __init__(self, root: Any, schemas_max: int = SCHEMAS_MAX) -> None:
        """`root`: what references start from."""
        self._root = root
        self._left = schemas_max

    def of(self, schema: Any, indent: str = "", trail: frozenset[str] = _ROOT, depth: int = 0) -> str:
        """The type of a schema. `indent`: of the line that it stands on."""
        self._left -= 1
        if schema is False:
            return "never"
        if not isinstance(schema, dict) or depth > _DEPTH_MAX or self._left < 0:
            return _ANY
        parts = [each for each in self._parts(schema, indent, trail, depth) if each != _ANY]
        found = _joined(" & ", list(dict.fromkeys(parts)) or [_ANY])
        return _union([found, "null"]) if schema.get("nullable") is True else found

    def _parts(self, schema: dict[str, Any], indent: str, trail: frozenset[str], depth: int) -> Iterator[str]:
        """What all holds at once."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield self._referred(reference, indent, trail, depth)
        if "const" in schema:
            yield _value(schema["const"])
        elif isinstance(schema.get("enum"), list):
            yield _enumerated(schema["enum"])
        else:
            yield self._typed(schema, indent, trail, depth)
        for each in _list(schema.get("allOf")):
            yield self.of(each, indent, trail, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if choices := _list(schema.get(keyword)):
                yield _union(self.of(each, indent, trail, depth + 1) for each in choices)

    def _referred(self, reference: str, indent: str, trail: frozenset[str], depth: int) -> str:
        if reference in trail or not reference.startswith("#"):
            return _ANY
        target = at(self._root, reference)
        return _ANY if target is NOWHERE else self.of(target, indent, trail | {reference}, depth + 1)

    def _typed(self, schema: dict[str, Any], indent: str, trail: frozenset[str], depth: int) -> str:
        said = schema.get("type")
        kinds = [said] if isinstance(said, str) else [kind for kind in _list(said) if isinstance(kind, str)]
        if not kinds and any(word in schema for word in _OBJECT_WORDS):
            kinds = ["object"]
        elif not kinds and any(word in schema for word in _ARRAY_WORDS):
            kinds = ["array"]
        return _union(self._kind(kind, schema, indent, trail, depth) for kind in kinds)

    def _kind(self, kind: str, schema: dict[str, Any], indent: str, trail: frozenset[str], depth: int) -> str:
        if kind == "object":
            return self._object(schema, indent, trail, depth)
        if kind == "array":
            return self._array(schema, indent, trail, depth)
        return _PLAIN.get(kind, _ANY)

    def _array(self, schema: dict[str, Any], indent: str, trail: frozenset[str], depth: int) -> str:
        items = schema.get("items")
        first = _list(schema.get("prefixItems")) or _list(items)
        if first:
            others = schema.get("additionalItems") if isinstance(items, list) else items
            types = [self.of(each, indent, trail, depth + 1) for each in first[:_MEMBERS_MAX]]
            rest = [] if others is False else [f"...{_grouped(self.of(others, indent, trail, depth + 1))}[]"]
            return f"[{', '.join(types + rest)}]"
        return f"{_grouped(self.of(items, indent, trail, depth + 1))}[]"

    def _object(self, schema: dict[str, Any], indent: str, trail: frozenset[str], depth: int) -> str:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = {name for name in _list(schema.get("required")) if isinstance(name, str)}
        inner = indent + _INDENT
        lines = []
        for name, each in list(properties.items())[:_MEMBERS_MAX]:
            mark = "" if name in required else "?"
            said = comment(shortened(notes(each), _COMMENT_CHARS_MAX), inner)
            lines.append(f"{said}{inner}{property_name(name)}{mark}: {self.of(each, inner, trail, depth + 1)};\n")
        lines += [f"{inner}{property_name(name)}: any;\n" for name in sorted(required - properties.keys())[:_MEMBERS_MAX]]
        lines += self._further(schema, inner, trail, depth, named=bool(lines), cut=len(properties) > _MEMBERS_MAX)
        if len(lines) == 1 and lines[0].lstrip().startswith("[") and "\n" not in lines[0][:-1]:
            return f"{{ {lines[0].strip().removesuffix(';')} }}"
        return "{\n" + "".join(lines) + indent + "}" if lines else "{}"

    def _further(
        self, schema: dict[str, Any], inner: str, trail: frozenset[str], depth: int, *, named: bool, cut: bool
    ) -> list[str]:
        """The properties that an object may have beside those that it names, as an index signature.

        TypeScript holds the named ones against it as well, so beside them it is as wide as can be.
        """
        others = schema.get("additionalProperties")
        patterns = schema.get("patternProperties")
        if cut or isinstance(patterns, dict) or (named and (isinstance(others, dict) or others is True)):
            return [f"{inner}[key: string]: any;\n"]
        if named or others is False:
            return []
        return [f"{inner}[key: string]: {self.of(others, inner, trail, depth + 1)};\n"]


def _union(types: Iterable[str]) -> str:
    found = list(dict.fromkeys(types))
    return _ANY if not found or _ANY in found else _joined(" | ", found)


def _joined(sign: str, types: list[str]) -> str:
    return _Compound(sign.join(map(_grouped, types))) if len(types) > 1 else types[0]


def _grouped(written: str) -> str:
    """A type as it can stand before `[]` or beside an operator."""
    return f"({written})" if isinstance(written, _Compound) else written


def _enumerated(values: list[Any]) -> str:
    return _union([*map(_value, values[:_VALUES_MAX]), *map(_kind_of, values[_VALUES_MAX:])])


def _value(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _ANY
    written = literal(value)
    return written if len(written) <= _LITERAL_CHARS_MAX else _kind_of(value)


def _kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if isinstance(value, (int, float)) else _ANY


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
