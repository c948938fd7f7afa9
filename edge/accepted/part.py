"""What one schema says of an object, flat: its properties, which of them are needed, and whether there may be others.

`both` is for what holds together (`allOf`, and what stands beside it), `either` for alternatives (`anyOf`, `oneOf`, `then`
and `else`). Neither is narrower than what it was made of, but for one thing, which is meant: a property that only some
alternatives name is listed as those name it, although the others would let anything pass under that name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.accepted.subschemas import Schema

_ordered = msgspec.json.Encoder(order="sorted").encode

_DESCRIBING = ("title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly")
_SINGLE = frozenset(
    {
        *_DESCRIBING,
        "type",
        "enum",
        "const",
        "format",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "x-mcp-header",
    }
)
"""Keywords that look at a value by themselves, so that two schemas of them can be written as one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A flat schema."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    partial: Mapping[str, Any] = field(default_factory=dict)
    """Properties that only some alternatives name."""
    required: tuple[str, ...] = ()
    rest: Schema = field(default_factory=dict)
    """All other keywords."""
    opened: bool = False
    """Whether something in it may look at properties that it does not name."""

    @property
    def closed(self) -> bool:
        """Whether it has no other properties than those that it names."""
        return self.rest.get("additionalProperties") is False and not self.rest.get("patternProperties")

    @property
    def named(self) -> dict[str, Any]:
        """All properties."""
        return {**self.properties, **{name: value for name, value in self.partial.items() if name not in self.properties}}

    def as_schema(self) -> Schema:
        """As one schema."""
        found: Schema = {"type": "object", **self.rest}
        if self.properties or self.partial or "properties" in found:
            found["properties"] = self.named
        if self.required:
            found["required"] = list(self.required)
        return found


def both(one: Part, other: Part) -> Part:
    """What fits both."""
    properties = {**other.properties, **one.properties}
    for name in one.properties.keys() & other.properties.keys():
        properties[name] = together(one.properties[name], other.properties[name])
    partial = {**other.partial, **one.partial}
    for name in one.partial.keys() & other.partial.keys():
        partial[name] = any_of([one.partial[name], other.partial[name]])
    return Part(
        {name: properties[name] for name in (*one.properties, *other.properties)},
        {name: value for name, value in partial.items() if name not in properties},
        tuple(dict.fromkeys((*one.required, *other.required))),
        _rest_of_both(one.rest, other.rest),
        one.opened or other.opened,
    )


def either(parts: Sequence[Part]) -> Part:
    """What fits one of them at least. `parts`: not empty."""
    if len(parts) == 1:
        return parts[0]
    named = [part.named for part in parts]
    names = dict.fromkeys(name for each in named for name in each)
    properties: dict[str, Any] = {}
    partial: dict[str, Any] = {}
    for name in names:
        schemas = any_of([each[name] for each in named if name in each])
        whole = all(name in part.properties or (part.closed and name not in part.partial) for part in parts)
        (properties if whole else partial)[name] = schemas
    first, *others = (frozenset(part.required) for part in parts)
    needed = first.intersection(*others)
    return Part(
        properties,
        partial,
        tuple(name for name in parts[0].required if name in needed),
        {"additionalProperties": False} if all(part.closed for part in parts) else {},
        any(part.opened or _looks_further(part.rest) for part in parts),
    )


def together(one: Any, other: Any) -> Any:
    """A schema of what fits both of two."""
    if one == other or other is True or other == {}:
        return one
    if one is True or one == {}:
        return other
    if isinstance(one, dict) and isinstance(other, dict) and _SINGLE.issuperset((*one, *other)):
        shared = one.keys() & other.keys()
        if all(one[name] == other[name] for name in shared if name not in _DESCRIBING):
            return {**other, **one}
    return {"allOf": [one, other]}


def any_of(schemas: Sequence[Any]) -> Any:
    """A schema of what fits one of several at least."""
    distinct: list[Any] = []
    for schema in schemas:
        if schema is True or schema == {}:
            return {}
        if schema is not False and not any(same(schema, each) for each in distinct):
            distinct.append(schema)
    if len(distinct) <= 1:
        return distinct[0] if distinct else False
    return _one_enumeration(distinct) or {"anyOf": distinct}


def _one_enumeration(schemas: Sequence[Any]) -> Schema | None:
    """Schemas that each name values, as one that names them all."""
    values: list[Any] = []
    types: list[Any] = []
    for schema in schemas:
        if not isinstance(schema, dict) or not {"const", "enum", "type", *_DESCRIBING}.issuperset(schema):
            return None
        enumerated = schema.get("enum")
        named = [schema["const"]] if "const" in schema else enumerated
        if not isinstance(named, list) or ("const" in schema and "enum" in schema):
            return None
        values += [value for value in named if not any(same(value, each) for each in values)]
        types.append(schema.get("type"))
    found: Schema = {"enum": values}
    if types[0] is not None and all(each == types[0] for each in types):
        found = {"type": types[0], **found}
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two are the same JSON; to Python `true` is 1."""
    return one is other or (bool(one == other) and _ordered(one) == _ordered(other))


def _looks_further(rest: Schema) -> bool:
    """Whether other keywords may look at properties that are not named."""
    extra = rest.get("additionalProperties", False)
    return extra is not False or any(name in rest for name in ("patternProperties", "dependentSchemas", "dependencies"))


def _rest_of_both(one: Schema, other: Schema) -> Schema:
    found = {**other, **one}
    for keyword in one.keys() & other.keys():
        a, b = one[keyword], other[keyword]
        if a == b or keyword in _DESCRIBING:
            continue
        if keyword == "additionalProperties":
            found[keyword] = False if a is False or b is False else together(a, b)
        elif keyword in ("minProperties", "maxProperties"):
            found[keyword] = (max if keyword == "minProperties" else min)(a, b)
        elif keyword == "propertyNames":
            found[keyword] = together(a, b)
        elif keyword in ("patternProperties", "dependentSchemas") and isinstance(a, dict) and isinstance(b, dict):
            found[keyword] = {**b, **a, **{name: together(a[name], b[name]) for name in a.keys() & b.keys()}}
        elif keyword == "dependentRequired" and isinstance(a, dict) and isinstance(b, dict):
            shared = {name: list(dict.fromkeys((*a[name], *b[name]))) for name in a.keys() & b.keys()}
            found[keyword] = {**b, **a, **shared}
        # Of anything else the one is kept, which is wider than both.
    return found
