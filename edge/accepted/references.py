"""References within a schema (RFC 6901 in a URI's fragment, RFC 6901 section 6; JSON Schema `$anchor`)."""

from typing import Any
from urllib.parse import unquote

from edge.accepted.subschemas import REFERENCES, Schema, every, rebuilt

NOWHERE: Any = object()
_VISITS_MAX = 20_000
"""Schemas that are looked at, those that are moved once more."""
_NOT_MOVED = ("$schema", "$id", "id", "$defs", "definitions")


class TooIntricate(Exception):
    """A schema that can't be taken apart within bounds; the text says why."""


def at(schema: Schema, reference: str) -> Any:
    """What a reference leads to, or `NOWHERE`."""
    if reference == "#":
        return schema
    if not reference.startswith("#/"):
        return _anchored(schema, reference.removeprefix("#"))
    found: Any = schema
    for name in _steps(reference):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isascii() and name.isdigit() and int(name) < len(found):
            found = found[int(name)]
        else:
            return NOWHERE
    return found


def _anchored(schema: Schema, name: str) -> Any:
    for part, _ in every(schema):
        if name in (part.get("$anchor"), part.get("$dynamicAnchor")) or part.get("$id") == f"#{name}":
            return part
    return NOWHERE


def mended(schema: Schema, original: Schema, *, root_renamed: bool) -> Schema:
    """A schema that was taken apart, with its references leading to what they led to in the original.

    What is not where it was is put into `$defs`. A reference to the whole may stay, since what was made of it is not
    narrower; not so where its properties were renamed. Raises TooIntricate.
    """
    moved: dict[str, str] = {}
    seen = 0
    definitions: Schema = {}
    held = schema.get("$defs")
    kept: Schema = held if isinstance(held, dict) else {}

    def name_of(reference: str) -> str:
        if reference not in moved:
            name = f"moved_{len(moved) + 1}"
            while name in kept:
                name += "_"
            moved[reference] = name
        return f"#/$defs/{moved[reference]}"

    def change(part: Schema, sure: bool) -> Schema:
        nonlocal seen
        seen += 1
        if seen > _VISITS_MAX:
            raise TooIntricate("its schema has too many references")
        for keyword in REFERENCES:
            reference = part.get(keyword)
            if isinstance(reference, str) and _has_moved(reference):
                part[keyword] = name_of(reference)
        return part

    def _has_moved(reference: str) -> bool:
        if reference == "#":
            return root_renamed
        target = at(original, reference)
        return target is not NOWHERE and at(schema, reference) != target

    found: Schema = rebuilt(schema, change)
    while len(definitions) < len(moved):
        for reference, name in list(moved.items()):
            if name not in definitions:
                target = at(original, reference)
                if reference == "#":
                    target = {keyword: value for keyword, value in target.items() if keyword not in _NOT_MOVED}
                definitions[name] = rebuilt(target, change)
    if definitions:
        found["$defs"] = {**(found["$defs"] if kept else {}), **definitions}
    return found


def without_unused(schema: Schema) -> Schema:
    """Without definitions that nothing refers to, not even another one that is used."""
    tables = [name for name in ("$defs", "definitions") if isinstance(schema.get(name), dict)]
    if not tables or any("$anchor" in part or "$id" in part or "$dynamicRef" in part for part, _ in every(schema)):
        return schema
    waiting: list[Any] = [{name: value for name, value in schema.items() if name not in tables}]
    seen, used = {"#"}, set()
    while waiting:
        for part, _ in every(waiting.pop()):
            for reference in (part[name] for name in REFERENCES if isinstance(part.get(name), str)):
                if reference not in seen:
                    seen.add(reference)
                    used.add(tuple(_steps(reference)[:2]))
                    waiting.append(at(schema, reference))
    kept = {table: {name: each for name, each in schema[table].items() if (table, name) in used} for table in tables}
    return {name: kept.get(name, value) for name, value in schema.items() if kept.get(name, True) != {}}


def _steps(reference: str) -> list[str]:
    """A pointer's names."""
    return [part.replace("~1", "/").replace("~0", "~") for part in unquote(reference[2:]).split("/")]
