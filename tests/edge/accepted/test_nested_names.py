"""Properties further down whose names clients refuse."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.accepted.fitted import fits_property
from edge.accepted.nested_names import CantRepair, may_be_odd, told_in_words
from edge.accepted.subschemas import Schema, every, may_widen
from tests.edge.accepted.schemas import NAMES, ODD_NAMES, TAPES, Tape, arguments, plain, validator

ALL = (*NAMES, *ODD_NAMES)


def within(schema: Schema) -> Schema:
    return {"type": "object", "properties": {"a": schema}}


def test_a_schema_without_any_is_left_as_it_is() -> None:
    schema = within({"properties": {"b.c-d": {"type": "string"}}, "default": {"not a name": 1}, "enum": [{"nor this": 1}]})
    assert told_in_words(schema) is schema


def test_they_are_told_in_words_and_the_object_lets_them_pass() -> None:
    found = told_in_words(
        within(
            {
                "type": "object",
                "description": "Filter.",
                "properties": {"$eq": {"type": "string"}, "ok": {}, "x y": True},
                "required": ["$eq"],
                "additionalProperties": False,
            }
        )
    )
    assert found["properties"]["a"] == {
        "type": "object",
        "description": "Also takes `$eq` (string, needed), `x y`. Filter.",
        "properties": {"ok": {}},
    }


def test_many_are_told_in_few_words() -> None:
    found = told_in_words(within({"properties": {f"n {n}": {} for n in range(100)}, "required": ["n 1", "x"]}))
    assert len(found["properties"]["a"]["description"]) < 300
    assert found["properties"]["a"]["description"].endswith("and 88 more.")
    assert found["properties"]["a"]["required"] == ["x"]


def test_one_of_becomes_any_of_since_two_may_fit_now() -> None:
    odd = {"properties": {"x y": {"const": 1}}}
    found = told_in_words(
        within({"oneOf": [odd, {"anyOf": [{}], "oneOf": [odd, {"allOf": [{}], "anyOf": [{}], "oneOf": [odd]}]}]})
    )
    assert "oneOf" not in json.dumps(found)
    assert validator(found).is_valid({"a": {"x y": 2}})


@pytest.mark.parametrize("keyword", ["not", "if", "contains"])
def test_where_taking_it_out_would_forbid_something_it_is_given_up(keyword: str) -> None:
    with pytest.raises(CantRepair, match="'x y'"):
        told_in_words(within({keyword: {"properties": {"x y": {"const": 1}}}}))
    referring = within({keyword: {"$ref": "#/$defs/odd"}}) | {"$defs": {"odd": {"properties": {"x y": {"const": 1}}}}}
    assert not may_widen(referring)
    with pytest.raises(CantRepair):
        told_in_words(referring)


@settings(max_examples=300, deadline=None)
@given(TAPES, TAPES)
def test_whatever_is_allowed_stays_allowed_and_all_names_fit(schema_tape: bytes, arguments_tape: bytes) -> None:
    schema = {**plain(Tape(schema_tape), ALL, depth=2), "type": "object", "$defs": {"one": {}, "two": {}}}
    before, tape = validator(schema), Tape(arguments_tape)
    if before is None:
        return
    try:
        found = told_in_words(schema)
    except CantRepair:
        return
    assert all(fits_property(name) for part, _ in every(found) for name in part.get("properties", {}))
    after = validator(found)
    for _ in range(10):
        given_arguments = arguments(tape, ALL)
        if before.is_valid(given_arguments):
            assert after.is_valid(given_arguments), (schema, found, given_arguments)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.text(max_size=5), st.booleans(), st.integers(0, 9)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='ab$" \\:{', max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1]))
def test_the_quick_look_overlooks_nothing(value: Any, indent: int | None) -> None:
    def members(found: Any) -> list[str]:
        if isinstance(found, dict):
            inner = [name for each in found.values() for name in members(each)]
            return inner + [name for name, each in found.items() if isinstance(each, dict | bool)]
        return [name for each in found for name in members(each)] if isinstance(found, list) else []

    if not all(map(fits_property, members(value))):
        assert may_be_odd(json.dumps(value, indent=indent).encode())


def test_the_quick_look_says_no_of_usual_definitions() -> None:
    usual = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "description": 'Say "a b": {yes} or \\ no.',
        "properties": {"a_b.c-d": {"$ref": "#/x y", "enum": ["a b", "c:{d"]}},
    }
    assert not may_be_odd(json.dumps(usual).encode())
    assert may_be_odd(b'{"a":' + b'"\\"' * 1000 + b'","b c" : {}}')
