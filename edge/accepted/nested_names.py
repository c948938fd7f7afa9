"""Properties further down whose names clients refuse: told in words, where the object then lets any name pass."""

import re
from typing import Any

from edge.accepted.fitted import fits_property
from edge.accepted.subschemas import Schema, every, may_widen, rebuilt, widened

_STRING = re.compile(rb'"[A-Za-z0-9_.-]{1,64}"|"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*:\s*[{tf])?', re.DOTALL)
"""Strings one after the other; of those that are no names the group says whether they are members that hold a schema."""
_TOLD_MAX = 12
_NAME_CHARS_MAX = 64


class CantRepair(Exception):
    """A definition that no client of the strict ones would take, whatever is done; the text says why."""


def may_be_odd(text: bytes) -> bool:
    """Whether some JSON may have a property whose name does not fit. Quick, and sure only where it says no."""
    return any(_STRING.findall(text))


def told_in_words(schema: Schema) -> Schema:
    """The schema without such properties; the same where it has none. Raises CantRepair."""
    bad = [(part, sure) for part, sure in every(schema) if _bad(part)]
    if not bad:
        return schema
    if not may_widen(schema) or not all(sure for _, sure in bad):
        name = _bad(bad[0][0])[0]
        raise CantRepair(
            f"a nested property is called {name[:_NAME_CHARS_MAX]!r}, which clients refuse, in a place where nothing can "
            "be taken out (under `not`, `if` or `contains`)"
        )
    found: Schema = rebuilt(schema, _without)
    return widened(found)


def _bad(part: Schema) -> list[str]:
    properties = part.get("properties")
    return [name for name in properties if not fits_property(name)] if isinstance(properties, dict) else []


def _without(part: Schema, sure: bool) -> Schema:
    if sure:
        # It counts what its neighbours name, and they name less now.
        part.pop("unevaluatedProperties", None)
    bad = _bad(part)
    if not bad:
        return part
    properties = part["properties"]
    required = part.get("required")
    needed = required if isinstance(required, list) else []
    told = [_told(name, properties[name], needed=name in needed) for name in bad[:_TOLD_MAX]]
    more = f" and {len(bad) - _TOLD_MAX} more" if len(bad) > _TOLD_MAX else ""
    said = part.get("description")
    words = f"Also takes {', '.join(told)}{more}."
    # What is not among `properties` any more would count as additional.
    found = {keyword: value for keyword, value in part.items() if keyword != "additionalProperties"}
    found["properties"] = {name: value for name, value in properties.items() if name not in bad}
    found["description"] = f"{words} {said}" if isinstance(said, str) and said else words
    found["required"] = [name for name in needed if name not in bad]
    if not found["required"]:
        del found["required"]
    return found


def _told(name: str, schema: Any, *, needed: bool) -> str:
    kind = schema.get("type") if isinstance(schema, dict) else None
    facts = [kind] if isinstance(kind, str) else []
    if needed:
        facts.append("needed")
    return f"`{name[:128]}`" + (f" ({', '.join(facts)})" if facts else "")
