"""The root of an input schema, flat: never narrower, plain for every client, and in words what it can't show."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from edge.accepted.references import TooIntricate, mended
from edge.accepted.root import CONDITIONS, REFUSED, flattened
from edge.accepted.subschemas import Schema
from tests.edge.accepted.schemas import TAPES, Tape, arguments, arguments_schema, validator

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def flat(**schema: Any) -> tuple[Schema, list[str]]:
    whole = {"type": "object", **schema}
    part, said = flattened(whole)
    return mended(part.as_schema(), whole, root_renamed=False), said


@settings(max_examples=400, deadline=None)
@given(TAPES, TAPES)
def test_whatever_is_allowed_stays_allowed(schema_tape: bytes, arguments_tape: bytes) -> None:
    """But for what only some alternatives name (next test)."""
    schema, tape = arguments_schema(Tape(schema_tape)), Tape(arguments_tape)
    before = validator(schema)
    if before is None:
        return
    part, _ = flattened(schema)
    listed = mended(replace(part, partial={name: {} for name in part.partial}).as_schema(), schema, root_renamed=False)
    after = validator(listed)
    assert after is not None
    assert REFUSED.isdisjoint(listed)
    for _ in range(10):
        given_arguments = arguments(tape)
        if before.is_valid(given_arguments):
            assert after.is_valid(given_arguments), (schema, listed, given_arguments)


@settings(max_examples=200, deadline=None)
@given(TAPES, TAPES)
def test_what_one_alternative_describes_stays_allowed_though_another_leaves_it_open(
    schema_tape: bytes, arguments_tape: bytes
) -> None:
    tape, arguments_of = Tape(schema_tape), Tape(arguments_tape)
    branches: list[Schema] = []
    for _ in range(1 + tape.number(3)):
        branch = arguments_schema(tape, depth=0)
        branches.append({name: branch[name] for name in ("properties", "required") if name in branch})
    schema = {"type": "object", "anyOf": branches}
    part, _ = flattened(schema)
    after = validator(part.as_schema())
    for branch in branches:
        described = validator({"type": "object", **branch, "additionalProperties": False})
        for _ in range(5):
            given_arguments = arguments(arguments_of)
            if described.is_valid(given_arguments):
                assert after.is_valid(given_arguments), (schema, given_arguments)


def test_a_reference_at_the_root_is_written_out() -> None:
    definitions = {
        "Args": {"type": "object", "properties": {"q": TEXT, "next": {"$ref": "#/$defs/Args"}}, "required": ["q"]}
    }
    found, said = flat(**{"$ref": "#/$defs/Args", "$defs": definitions})
    assert found == {"type": "object", "$defs": definitions} | {k: v for k, v in definitions["Args"].items() if k != "type"}
    assert said == []


def test_beside_a_reference_nothing_counts_in_older_dialects() -> None:
    beside: dict[str, Any] = {"properties": {"b": TEXT}, "required": ["b"], "additionalProperties": False}
    schema = {"$ref": "#/definitions/A", "definitions": {"A": {"properties": {"a": TEXT}}}, **beside}
    old, _ = flat(**{"$schema": "http://json-schema.org/draft-07/schema#"}, **schema)
    assert old["properties"] == {"a": TEXT}
    assert "required" not in old
    new, _ = flat(**schema)
    assert (new["properties"], new["required"]) == ({"b": TEXT, "a": TEXT}, ["b"])


def test_all_of_is_merged() -> None:
    found, said = flat(
        properties={"a": TEXT},
        allOf=[
            {"properties": {"b": NUMBER}, "required": ["b"], "minProperties": 1},
            {"properties": {"b": {"minimum": 1}, "a": {"type": "string", "description": "A."}}, "minProperties": 2},
        ],
        unevaluatedProperties=False,
    )
    assert found == {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "A."}, "b": {"type": "number", "minimum": 1}},
        "required": ["b"],
        "minProperties": 2,
        "additionalProperties": False,
    }
    assert said == []


CIRCLE = {
    "title": "Circle",
    "properties": {"kind": {"const": "circle"}, "r": NUMBER},
    "required": ["kind", "r"],
    "additionalProperties": False,
}
SQUARE = {"properties": {"kind": {"const": "square"}, "side": NUMBER}, "required": ["kind", "side"]}


def test_alternatives_are_shown_as_one_and_told_in_words() -> None:
    found, said = flat(oneOf=[CIRCLE, SQUARE | {"additionalProperties": False}])
    assert found == {
        "type": "object",
        "properties": {"kind": {"enum": ["circle", "square"]}, "r": NUMBER, "side": NUMBER},
        "required": ["kind"],
        "additionalProperties": False,
    }
    assert said == [
        "The arguments must fit exactly one of 2 alternatives, which the schema shows merged: "
        '(1) Circle: kind = "circle", r; (2) kind = "square", side.'
    ]


def test_where_one_alternative_is_open_all_are() -> None:
    found, _ = flat(anyOf=[CIRCLE, SQUARE])
    assert "additionalProperties" not in found


def test_alternatives_that_only_need_something_keep_what_stands_beside_them() -> None:
    found, said = flat(properties={"id": TEXT, "name": TEXT}, anyOf=[{"required": ["id"]}, {"required": ["name"]}])
    assert found == {"type": "object", "properties": {"id": TEXT, "name": TEXT}}
    assert said[0].endswith("at least one of 2 alternatives, which the schema shows merged: (1) id; (2) name.")


def test_what_is_named_beside_the_alternatives_is_not_narrowed_by_one_of_them() -> None:
    found, _ = flat(properties={"kind": TEXT}, anyOf=[{"properties": {"kind": {"const": "x"}}}, {"required": ["kind"]}])
    assert found["properties"] == {"kind": TEXT}


def test_true_is_not_taken_for_one() -> None:
    found, _ = flat(anyOf=[{"properties": {"a": {"const": value}}} for value in (1, True, 1, "1")])
    assert found["properties"]["a"] == {"enum": [1, True, "1"]}
    assert found["properties"]["a"]["enum"][1] is True


def test_an_alternative_that_no_object_fits_is_left_out() -> None:
    found, said = flat(
        anyOf=[{"type": "null"}, False, {"type": ["object", "null"], "properties": {"a": TEXT}, "required": ["a"]}]
    )
    assert (found["properties"], found["required"], said) == ({"a": TEXT}, ["a"], [])


def test_conditions_are_left_out_with_a_word_and_what_they_name_stays() -> None:
    found, said = flat(
        properties={"mode": TEXT},
        **{"if": {"properties": {"mode": {"const": "x"}}}},
        then={"properties": {"x": NUMBER}, "required": ["mode", "x"]},
        **{"else": {"properties": {"y": NUMBER}, "required": ["mode"]}},
    )
    assert found == {"type": "object", "properties": {"mode": TEXT, "x": NUMBER, "y": NUMBER}, "required": ["mode"]}
    assert said == [CONDITIONS]


@pytest.mark.parametrize("condition", [{"not": {"required": ["a"]}}, {"enum": [{}]}, {"const": {}}, {"$dynamicRef": "#x"}])
def test_other_conditions_are_left_out_with_a_word(condition: Schema) -> None:
    found, said = flat(properties={"a": TEXT}, **condition)
    assert found == {"type": "object", "properties": {"a": TEXT}}
    assert said == [CONDITIONS]


def test_a_schema_that_nothing_fits_shows_what_stands_beside_that() -> None:
    found, said = flat(properties={"a": TEXT}, anyOf=[False])
    assert (found, said) == ({"type": "object", "properties": {"a": TEXT}}, [CONDITIONS])


def test_references_into_what_is_taken_apart_still_lead_there() -> None:
    shared = {"type": "object", "properties": {"z": NUMBER}}
    found, _ = flat(
        anyOf=[{"properties": {"one": shared}}, {"properties": {"two": {"$ref": "#/anyOf/0/properties/one"}}}],
        properties={"self": {"$ref": "#"}},
    )
    assert found["properties"]["two"] == {"$ref": "#/$defs/moved_1"}
    assert found["$defs"] == {"moved_1": shared}
    assert found["properties"]["self"] == {"$ref": "#"}
    after = validator(found)
    assert after.is_valid({"two": {"z": 1}})
    assert not after.is_valid({"two": {"z": "x"}})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"anyOf": [{"$ref": "#/anyOf/0"}, {"required": ["a"]}]},
    ],
)
def test_a_schema_that_refers_to_itself_ends(schema: Schema) -> None:
    flat(**schema)


def test_what_would_grow_without_bounds_is_given_up() -> None:
    definitions: Schema = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    with pytest.raises(TooIntricate):
        flat(**{"$ref": "#/$defs/d0", "$defs": definitions | {"d30": {}}})


@pytest.mark.parametrize("count", [9, 200])
def test_the_words_for_many_alternatives_are_bounded(count: int) -> None:
    _, said = flat(anyOf=[{"properties": {f"p{n}": {"const": "x" * 99}}, "required": [f"p{n}"]} for n in range(count)])
    assert len(said[0]) < 800
    assert said[0].endswith(" more.")
