"""Input schemas as servers write them, and arguments for them, made up from bytes that Hypothesis chooses.

Bytes are choices, one after the other; where they end, the first and plainest is taken. So examples are quick to make and
become small when they are shrunk.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import jsonschema_rs
from hypothesis import strategies as st

from edge.accepted.subschemas import Schema

T = TypeVar("T")
NAMES = ("a", "b", "c", "d")
ODD_NAMES = ("a b", "$c", "größe", "x" * 70)
DATA: list[Any] = [None, True, False, 0, 1, 2.5, "", "x", "yy", [], ["x"], {}, {"a": 1}, {"b": "x", "a b": 1}]
TAPES = st.binary(max_size=300)


class Tape:
    """Choices."""

    def __init__(self, data: bytes) -> None:
        self._left = iter(data)

    def number(self, below: int) -> int:
        return next(self._left, 0) % below

    def of(self, options: Sequence[T]) -> T:
        return options[self.number(len(options))]

    def some(self, options: Sequence[T], at_most: int) -> list[T]:
        return [self.of(options) for _ in range(self.number(at_most + 1))]

    def happens(self, of: int = 3) -> bool:
        """Once in so many times; not where the tape has ended."""
        return self.number(of) == of - 1


def arguments(tape: Tape, names: Sequence[str] = NAMES) -> dict[str, Any]:
    """Arguments of a call."""
    return {name: tape.of(DATA) for name in tape.some([*names, "z"], 4)}


def value(tape: Tape) -> Any:
    """A schema of a property."""
    kind = tape.number(9)
    if kind == 1:
        return {"type": tape.of(["string", "integer", "boolean", "array", "object", "null"])}
    if kind == 2:
        return {"enum": tape.some(DATA, 3) or [1]}
    if kind == 3:
        return {"const": tape.of(DATA)}
    if kind == 4:
        return {"type": "string", "minLength": tape.number(3)}
    if kind == 5:
        return {"not": {"const": tape.of(DATA)}}
    if kind == 6:
        return {"enum": [*DATA, *range(2, 90)]}
    if kind == 7:
        return {"oneOf": [{"const": each, "title": "Choice"} for each in ("x", "yy", "z" * 30, *range(20))]}
    return {"description": "anything " * 20, "examples": DATA} if kind == 8 else {}


def plain(tape: Tape, names: Sequence[str] = NAMES, depth: int = 0) -> Schema:
    """An object schema without combinations at its root; `depth`: of such schemas in its properties."""

    def inner() -> Any:
        return combined(tape, names, depth - 1) if depth and tape.happens() else value(tape)

    found: Schema = {}
    if tape.happens(2):
        found["properties"] = {name: inner() for name in tape.some(names, 3)}
    if tape.happens():
        found["required"] = sorted(set(tape.some(names, 2)))
    if tape.happens():
        found["additionalProperties"] = tape.of([False, True, inner()])
    if tape.happens(5):
        found["type"] = tape.of(["object", ["object", "null"], "string"])
    if tape.happens(6):
        found["patternProperties"] = {tape.of(["^a", "b", "."]): inner()}
    if tape.happens(6):
        found |= {"minProperties": tape.number(3), "maxProperties": 2 + tape.number(3)}
    if tape.happens(6):
        found["dependentRequired"] = {tape.of(names): [names[0]]}
    if tape.happens(6):
        found["propertyNames"] = {"maxLength": 1 + tape.number(80)}
    if tape.happens(6):
        found["title"] = "Title"
    return found


def combined(tape: Tape, names: Sequence[str] = NAMES, depth: int = 2) -> Any:
    """A schema that may combine others, and refer to them."""
    if tape.happens(12):
        return tape.of([True, False])
    found = plain(tape, names)
    if depth == 0:
        return found
    for keyword in ("allOf", "anyOf", "oneOf"):
        if tape.happens():
            found[keyword] = [combined(tape, names, depth - 1) for _ in range(1 + tape.number(3))]
    if tape.happens(8):
        found["not"] = combined(tape, names, depth - 1)
    if tape.happens(6):
        found["if"] = combined(tape, names, depth - 1)
        found |= {branch: combined(tape, names, depth - 1) for branch in ("then", "else") if tape.happens(2)}
    if tape.happens(5):
        found["$ref"] = tape.of(["#/$defs/one", "#/$defs/two", "#", "#/anyOf/0", "#/properties/a"])
    if tape.happens(5):
        found["unevaluatedProperties"] = tape.of([False, True, value(tape)])
    if tape.happens(8):
        found["dependentSchemas"] = {tape.of(names): combined(tape, names, depth - 1)}
    return found


def arguments_schema(tape: Tape, names: Sequence[str] = NAMES, depth: int = 2) -> Schema:
    """An input schema."""
    found = combined(tape, names, depth)
    schema: Schema = found if isinstance(found, dict) else {}
    if tape.happens(8):
        schema["enum"] = [{}, {"a": 1}]
    definitions = {"one": combined(tape, names, 1), "two": combined(tape, names, 1)}
    return {**schema, "type": "object", "$defs": definitions}


def validator(schema: Schema) -> Any:
    """A validator, or None for a schema that has none (a reference that leads nowhere)."""
    try:
        return jsonschema_rs.validator_for(schema, offline=True)
    except ValueError:
        return None
