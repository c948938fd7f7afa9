"""Properties of the arguments themselves whose names clients refuse: listed under an alias, and put back in a call."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.accepted.fitted import fits_property, fitted_properties
from edge.accepted.part import Part

_NAMING = ("dependencies", "dependentRequired", "dependentSchemas", "propertyNames")
"""Keywords beside `properties` that speak of properties by their names."""


def renamed(part: Part) -> tuple[Part, Mapping[str, str], bool]:
    """The part with names that fit; alias → the property's own name; whether a condition had to be left out."""
    names = part.named
    if all(fits_property(name) for name in names):
        return part, {}, False
    alias = fitted_properties(names)
    rest = {keyword: value for keyword, value in part.rest.items() if keyword not in _NAMING}
    patterns = rest.pop("patternProperties", None)
    if patterns:
        rest.pop("additionalProperties", None)
    found = replace(
        part,
        properties=_named(part.properties, alias),
        partial=_named(part.partial, alias),
        required=tuple(alias.get(name, name) for name in part.required),
        rest=rest,
    )
    own = {given: name for name, given in alias.items()}
    return found, own, bool(patterns) or any(keyword in part.rest for keyword in _NAMING)


def _named(properties: Mapping[str, Any], alias: Mapping[str, str]) -> dict[str, Any]:
    return {alias.get(name, name): _noted(schema, name, alias.get(name, name)) for name, schema in properties.items()}


def _noted(schema: Any, name: str, alias: str) -> Any:
    """With a word on what the property is really called."""
    if name == alias:
        return schema
    word = f"Passed on as `{name[:128]}`."
    if not isinstance(schema, dict):
        return {"description": word} if schema is True else schema
    said = schema.get("description")
    return {**schema, "description": f"{word} {said}" if isinstance(said, str) and said else word}
