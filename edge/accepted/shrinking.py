"""A definition that is too large, made smaller: step by step, and what carries the meaning goes last.

What we ourselves say in descriptions stands at their beginning, where it is cut last.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from edge.accepted.limits import Limits
from edge.accepted.references import without_unused
from edge.accepted.subschemas import Schema, may_widen, rebuilt, widened
from edge.accepted.weight import excess

Item = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_NOTES = ("$comment", "examples", "title")
_LONG_CHARS, _SHORT_CHARS, _LEAST_CHARS = 200, 80, 30
_LONG_VALUES, _SHORT_VALUES = (50, 10), (12, 5)
"""Enumerations with more values than the first number are told in words, which show so many as the second says."""
_VALUE_CHARS_MAX = 40


def cut(text: str, chars: int) -> str:
    """A text of at most so many characters; one that was longer ends in `…`."""
    return text if len(text) <= chars else text[: chars - 1].rstrip() + "…"


def noted(described: Item, notes: Sequence[str], limits: Limits) -> Item:
    """The definition with notes behind its description; before it, where some clients would not read so far."""
    if not notes:
        return described
    said = described.get("description")
    parts = [said, " ".join(notes)] if isinstance(said, str) and said else [" ".join(notes)]
    if len("\n\n".join(parts)) > limits.description_chars_max:
        parts.reverse()
    return {**described, "description": "\n\n".join(parts)}


def shrunk(described: Item, notes: Sequence[str], limits: Limits) -> tuple[Item, tuple[str, ...]] | None:
    """The definition so that it fits with its notes, and what was done to it; None where it can't be made to fit.

    No more is done than it takes: what turns out not to have been needed before the last step is left as it was.
    """
    steps = _steps(max(limits.description_chars_max - len(" ".join(notes)) - 2, _LONG_CHARS))
    states: list[Item] = [described]
    for words, step in steps:
        states.append(step(states[-1]))
        if excess(noted(states[-1], notes, limits), limits):
            continue
        for before, state in enumerate(states[:-1]):
            found = step(state)
            if not excess(noted(found, notes, limits), limits):
                return found, tuple(dict.fromkeys((*(each for each, _ in steps[:before]), words)))
    return None


_Step = tuple[str, Callable[[Item], Item]]


def _steps(description_chars_max: int) -> list[_Step]:
    return [
        ("examples, comments and titles within its schema are left out", _of_schema(_without_notes)),
        ("descriptions within its schema are cut", _of_schema(lambda schema: _descriptions_cut(schema, _LONG_CHARS))),
        ("descriptions within its schema are cut", _of_schema(lambda schema: _descriptions_cut(schema, _SHORT_CHARS))),
        ("long enumerations are told in words", _of_schema(lambda schema: _told_in_words(schema, *_LONG_VALUES))),
        ("long enumerations are told in words", _of_schema(lambda schema: _told_in_words(schema, *_SHORT_VALUES))),
        ("its description is cut", lambda described: _description_cut(described, description_chars_max)),
        ("descriptions within its schema are cut", _of_schema(lambda schema: _descriptions_cut(schema, _LEAST_CHARS))),
    ]


def _of_schema(change: Callable[[Schema], Schema]) -> Callable[[Item], Item]:
    return lambda described: {**described, "inputSchema": change(described["inputSchema"])}


def _description_cut(described: Item, chars: int) -> Item:
    said = described.get("description")
    return {**described, "description": cut(said, chars)} if isinstance(said, str) else described


def _without_notes(schema: Schema) -> Schema:
    def change(part: Schema, sure: bool) -> Schema:
        return {keyword: value for keyword, value in part.items() if keyword not in _NOTES}

    found: Schema = rebuilt(schema, change)
    return without_unused(found)


def _descriptions_cut(schema: Schema, chars: int) -> Schema:
    def change(part: Schema, sure: bool) -> Schema:
        said = part.get("description")
        return part | {"description": cut(said, chars)} if isinstance(said, str) else part

    found: Schema = rebuilt(schema, change)
    return found


def _told_in_words(schema: Schema, values_max: int, shown: int) -> Schema:
    """With long enumerations as a type and a text: wider, and the backend still takes its values alone."""
    if not may_widen(schema):
        return schema
    found_any = False

    def change(part: Schema, sure: bool) -> Schema:
        nonlocal found_any
        keyword, values = _values(part)
        if not sure or len(values) <= values_max:
            return part
        said = part.get("description")
        some = ", ".join(cut(json.dumps(value, ensure_ascii=False), _VALUE_CHARS_MAX) for value in values[:shown])
        words = f"One of {len(values)} values, for example {some}."
        if len(_encode(part[keyword])) <= len(words) + len(keyword):
            return part
        found_any = True
        rest = {name: value for name, value in part.items() if name != keyword}
        return {"type": _types(values), **rest, "description": f"{words} {said}" if isinstance(said, str) else words}

    found: Schema = rebuilt(schema, change)
    return widened(found) if found_any else schema


def _values(part: Schema) -> tuple[str, list[Any]]:
    """The keyword by which a schema enumerates values, and the values; none where it does not."""
    if isinstance(part.get("enum"), list):
        return "enum", part["enum"]
    for keyword in ("anyOf", "oneOf"):
        choices = part.get(keyword)
        if isinstance(choices, list) and all(isinstance(each, dict) and "const" in each for each in choices):
            return keyword, [each["const"] for each in choices]
    return "", []


def _types(values: list[Any]) -> str | list[str]:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", dict: "object"}
    found = list(dict.fromkeys(names.get(type(value), "array") for value in values))
    return found[0] if len(found) == 1 else found
