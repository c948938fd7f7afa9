"""Where schemas stand in a schema (JSON Schema, draft 4 to 2020-12), and which of them may be made wider.

What a schema allows grows with what its parts allow, but not where a part stands under `not`, `if` or `contains`: there
nothing is changed. Under `oneOf` it does not either; an `anyOf` in its place is never narrower.
"""

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_ONE = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_MANY = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
_NAMED = frozenset({"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"})
_UNSURE = frozenset({"contains", "if", "not"})


def rebuilt(schema: Any, change: Callable[[Schema, bool], Schema], *, sure: bool = True) -> Any:
    """A schema with each schema in it, and itself at last, put through `change(schema, sure)`.

    `sure`: whether it may be made wider. `change` gets a copy that it may keep.
    """
    if not isinstance(schema, dict):
        return schema
    found: Schema = {}
    for keyword, value in schema.items():
        inner = sure and keyword not in _UNSURE
        if keyword in _NAMED and isinstance(value, dict):
            found[keyword] = {name: rebuilt(each, change, sure=inner) for name, each in value.items()}
        elif keyword in _MANY and isinstance(value, list):
            found[keyword] = [rebuilt(each, change, sure=inner) for each in value]
        elif keyword in _ONE:
            found[keyword] = rebuilt(value, change, sure=inner)
        else:
            found[keyword] = value
    return change(found, sure)


def every(schema: Any, *, sure: bool = True) -> Iterator[tuple[Schema, bool]]:
    """Each schema in a schema, itself first, and whether it may be made wider."""
    if not isinstance(schema, dict):
        return
    yield schema, sure
    for keyword, value in schema.items():
        inner = sure and keyword not in _UNSURE
        if keyword in _NAMED and isinstance(value, dict):
            parts = list(value.values())
        elif keyword in _MANY and isinstance(value, list):
            parts = value
        elif keyword in _ONE:
            parts = [value]
        else:
            continue
        for part in parts:
            yield from every(part, sure=inner)


def may_widen(schema: Schema) -> bool:
    """Whether its parts may be made wider at all: not where a reference stands under `not` and its like, since that may
    lead to any of them."""
    return not any(name in part for part, sure in every(schema) if not sure for name in REFERENCES)


def widened(schema: Schema) -> Schema:
    """A schema of which parts were made wider: each `oneOf` becomes an `anyOf`."""

    def change(part: Schema, sure: bool) -> Schema:
        if not sure or not isinstance(part.get("oneOf"), list):
            return part
        choices = part.pop("oneOf")
        if "anyOf" not in part:
            return part | {"anyOf": choices}
        others = part.get("allOf")
        return part | {"allOf": [*(others if isinstance(others, list) else ()), {"anyOf": choices}]}

    found: Schema = rebuilt(schema, change)
    return found
