"""Alternatives of an input schema in words, for whoever sees them merged."""

import json
from collections.abc import Sequence
from typing import Any

from edge.accepted.part import Part

_SHOWN_MAX = 8
_CHARS_MAX = 700
_VALUE_CHARS_MAX = 40
_NAMES_MAX = 8


def alternatives(parts: Sequence[Part], *, exactly: bool) -> str:
    """One sentence. `exactly`: no more than one of them may fit."""
    words = list(dict.fromkeys(_words(part) for part in parts))
    how = "exactly one" if exactly else "at least one"
    intro = f"The arguments must fit {how} of {len(parts)} alternatives, which the schema shows merged"
    if len(words) == 1:
        return f"{intro}."
    shown = ""
    for number, each in enumerate(words, 1):
        item = f" ({number}) {each};"
        if number > _SHOWN_MAX or len(intro) + len(shown) + len(item) > _CHARS_MAX:
            return f"{intro}:{shown} and {len(words) - number + 1} more."
        shown += item
    return f"{intro}:{shown.removesuffix(';')}."


def _words(part: Part) -> str:
    fixed = {name: text for name, schema in part.named.items() if (text := _fixed(schema))}
    needed = [name for name in part.required if name not in fixed]
    items = [f"{name} = {text}" for name, text in fixed.items()] + needed
    if not items:
        items = [f"{name} (optional)" for name in part.named] or ["no more arguments"]
    if len(items) > _NAMES_MAX:
        items = [*items[:_NAMES_MAX], "…"]
    title = part.rest.get("title")
    name = f"{title[:_VALUE_CHARS_MAX]}: " if isinstance(title, str) and title else ""
    return name + ", ".join(items)


def _fixed(schema: Any) -> str:
    """The one value that a property may have, as JSON; empty where it may have several."""
    if not isinstance(schema, dict):
        return ""
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list) or len(values) != 1:
        return ""
    text = json.dumps(values[0], ensure_ascii=False)
    return text if len(text) <= _VALUE_CHARS_MAX else text[: _VALUE_CHARS_MAX - 1] + "…"
