"""A definition as every client accepts it."""

import json
from typing import Any

from hypothesis import given, settings

from edge.accepted.definition import Accepted, accept
from edge.accepted.fitted import fits_property
from edge.accepted.limits import USUAL, Limits
from edge.accepted.root import CONDITIONS, REFUSED
from edge.accepted.subschemas import every
from edge.accepted.weight import excess
from tests.edge.accepted.schemas import NAMES, ODD_NAMES, TAPES, Tape, arguments, arguments_schema, plain, validator

ALL = (*NAMES, *ODD_NAMES)
TEXT = {"type": "string"}


def accepted(schema: dict[str, Any], limits: Limits = USUAL, **members: Any) -> Accepted:
    described = {"name": "act", "description": "Acts.", "inputSchema": {"type": "object", **schema}, **members}
    return accept(described, json.dumps(described).encode(), limits)


def test_what_fits_is_listed_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"$ref": "#/$defs/x"}, {"$ref": "#"}]}},
        "$defs": {"x": TEXT},
    }
    described = {"name": "act", "inputSchema": schema, "outputSchema": {"type": "object"}}
    found = accept(described, json.dumps(described).encode(), USUAL)
    assert found.described is described
    assert (found.repairs, found.refused, found.renamed) == ((), "", {})


def test_everything_that_is_wrong_is_repaired_and_told_to_model_and_operator() -> None:
    found = accepted(
        {
            "properties": {"user name": TEXT, "filter": {"properties": {"$eq": TEXT}}},
            "anyOf": [{"required": ["user name"]}, {"required": ["filter"]}],
            "not": {"required": ["x"]},
        },
        outputSchema={"type": "object", "anyOf": [{}]},
    )
    assert found.refused == ""
    assert found.described == {
        "name": "act",
        "description": "Acts.\n\nThe arguments must fit at least one of 2 alternatives, which the schema shows merged: "
        "(1) user name; (2) filter. Further conditions on the arguments, which this schema does not show, are checked when "
        "the tool is called.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "user_name": {"type": "string", "description": "Passed on as `user name`."},
                "filter": {"properties": {}, "description": "Also takes `$eq` (string)."},
            },
        },
    }
    assert found.renamed == {"user_name": "user name"}
    assert len(found.repairs) == 4
    assert "'user name' as 'user_name'" in found.repairs[1]


def test_a_nested_copy_of_the_whole_keeps_the_own_names() -> None:
    """Only the arguments themselves are put back."""
    found = accepted({"properties": {"a b": TEXT, "child": {"$ref": "#"}}, "additionalProperties": False})
    schema = found.described["inputSchema"]
    assert schema["properties"]["child"] == {"$ref": "#/$defs/moved_1"}
    after = validator(schema)
    assert after.is_valid({"a_b": "x", "child": {"a b": "x", "child": {}}})


def test_what_can_not_be_repaired_says_why() -> None:
    assert "'x y'" in accepted({"properties": {"a": {"not": {"properties": {"x y": TEXT}}}}}).refused
    assert "bytes" in accepted({"properties": {f"a_long_name_{n}": {"type": "string"} for n in range(500)}}).refused
    branches = [{"$ref": "#/$defs/d1"}] * 2
    intricate = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(1, 30)} | {"d30": {}}
    assert "too many" in accepted({"anyOf": branches, "$defs": intricate}).refused
    assert "compile" in accepted({"anyOf": [{"properties": {"a": {"$ref": "#/nowhere"}}}]}).refused


def test_what_is_no_schema_at_all_is_refused_and_hurts_nobody() -> None:
    for broken in (
        {"anyOf": 1, "required": "a"},
        {"allOf": [{"minProperties": "x"}, {"minProperties": 2}]},
        {"properties": 5, "oneOf": {}},
        {"allOf": [{"properties": {"a": {"type": "nonsense"}}}]},
    ):
        found = accepted(broken)
        assert found.refused or validator(found.described["inputSchema"]) is not None


def test_a_cut_definition_keeps_its_notes_and_says_that_it_was_cut() -> None:
    found = accepted({"properties": {"a": TEXT}, "anyOf": [{"required": ["a"]}, {}]}, description="Acts on it. " * 3_000)
    text = found.described["description"]
    assert len(text) <= USUAL.description_chars_max
    assert "…\n\nThe arguments must fit at least one of 2 alternatives" in text
    assert text.endswith("This definition is shortened; calls are checked against all of it.")
    assert found.repairs[-1] == "its description is cut"


def test_notes_stand_before_a_description_of_which_some_clients_read_only_the_beginning() -> None:
    long = "Acts on it. " * 300
    text = accepted({"not": {}}, description=long).described["description"]
    assert text == f"{CONDITIONS}\n\n{long}"


def test_a_tool_without_a_description_gets_one_only_if_there_is_something_to_say() -> None:
    assert "description" not in accept({"name": "act", "inputSchema": {"type": "object"}}, b"{}", USUAL).described
    described = {"name": "act", "inputSchema": {"type": "object", "not": {}}}
    assert accept(described, b"{}", USUAL).described["description"].startswith("Further conditions")


@settings(max_examples=300, deadline=None)
@given(TAPES, TAPES)
def test_whatever_comes_what_is_listed_is_plain_small_and_no_narrower(schema_tape: bytes, arguments_tape: bytes) -> None:
    tape = Tape(schema_tape)
    combined = tape.happens(2)
    schema = (
        arguments_schema(tape, ALL)
        if combined
        else {**plain(tape, ALL, 2), "type": "object", "$defs": {"one": {}, "two": {}}}
    )
    before, given_tape = validator(schema), Tape(arguments_tape)
    if before is None:
        return
    described = {"name": "act", "description": "Acts. " * tape.number(200), "inputSchema": schema}
    limits = Limits(
        definition_tokens_max=tape.of([5_000, 1_000, 300]),
        schema_bytes_max=tape.of([16_384, 1_000, 300]),
        description_chars_max=200,
    )
    found = accept(described, json.dumps(described).encode(), limits)
    if found.refused:
        return
    listed = found.described["inputSchema"]
    assert excess(found.described, limits) == ""
    assert REFUSED.isdisjoint(listed)
    assert listed["type"] == "object"
    assert all(fits_property(name) for part, _ in every(listed) for name in part.get("properties", {}))
    after, alias = validator(listed), {own: name for name, own in found.renamed.items()}
    assert after is not None
    for _ in range(10):
        given_arguments = arguments(given_tape, ALL)
        if not combined and before.is_valid(given_arguments):
            assert after.is_valid({alias.get(name, name): value for name, value in given_arguments.items()}), (
                schema,
                listed,
            )
