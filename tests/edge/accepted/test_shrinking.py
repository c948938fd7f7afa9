"""A definition that is too large, made smaller."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from edge.accepted.limits import USUAL, Limits
from edge.accepted.shrinking import cut, noted, shrunk
from edge.accepted.weight import excess
from tests.edge.accepted.schemas import TAPES, Tape, arguments, plain, validator

WORDS = "What this is about, and what one has to know of it beforehand. "


def tool(description: Any = "Do it.", **properties: Any) -> dict[str, Any]:
    return {"description": description, "inputSchema": {"type": "object", "title": "Args", "properties": properties}}


def shortened(
    described: dict[str, Any], limits: Limits = USUAL, notes: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[str]]:
    found = shrunk(described, notes, limits)
    assert found is not None
    assert excess(noted(found[0], notes, limits), limits) == ""
    return found[0], list(found[1])


EXAMPLES = {"type": "string", "title": "T", "examples": ["e" * 200], "$comment": "c", "default": "d", "description": "D."}


def test_examples_comments_and_titles_go_first_and_nothing_else_then() -> None:
    found, done = shortened(
        tool(**{f"p{n}": EXAMPLES for n in range(100)}, title={"type": "string"}, examples={"type": "array"})
    )
    assert found["inputSchema"] == {
        "type": "object",
        "properties": {
            **{f"p{n}": {"type": "string", "default": "d", "description": "D."} for n in range(100)},
            "title": {"type": "string"},
            "examples": {"type": "array"},
        },
    }
    assert done == ["examples, comments and titles within its schema are left out"]


def test_definitions_that_nothing_refers_to_go_with_them() -> None:
    described = tool(a={"$ref": "#/$defs/used"})
    described["inputSchema"]["$defs"] = {
        "used": {"$ref": "#/$defs/by%20~1~0used"},
        "by /~used": {"$ref": "#"},
        "unused": {"description": "x" * 20_000, "$ref": "#/$defs/alone"},
        "alone": {},
    }
    found, _ = shortened(described)
    assert found["inputSchema"]["$defs"].keys() == {"used", "by /~used"}


def test_then_descriptions_within_the_schema_are_cut_no_shorter_than_it_takes() -> None:
    def cuts(count: int) -> int:
        many = {f"p{n}": {"description": WORDS * 6} for n in range(count)}
        found, done = shortened(tool(**many))
        assert "descriptions within its schema are cut" in done
        return len(found["inputSchema"]["properties"]["p0"]["description"])

    assert 190 < cuts(45) <= 200
    assert 70 < cuts(100) <= 80
    assert 20 < cuts(200) <= 30, "at the very end, rather than not to be listed"


def test_then_long_enumerations_are_told_in_words() -> None:
    values = [f"value number {n}" for n in range(900)]
    short = {"enum": values[:40]}
    found, done = shortened(
        tool(a={"enum": values, "description": "Which."}, b={"oneOf": [{"const": n} for n in range(60)]}, c=short)
    )
    assert found["inputSchema"]["properties"]["a"] == {
        "type": "string",
        "description": 'One of 900 values, for example "value number 0", "value number 1", "value number 2", '
        '"value number 3", "value number 4", "value number 5", "value number 6", "value number 7", "value number 8", '
        '"value number 9". Which.',
    }
    assert found["inputSchema"]["properties"]["b"]["type"] == "integer"
    assert found["inputSchema"]["properties"]["c"] == short
    assert done == ["long enumerations are told in words"], "titles and descriptions could stay"


def test_and_last_the_description_of_the_tool_is_cut() -> None:
    described = tool(WORDS * 500, a={"description": WORDS * 5, "title": "A"})
    found, done = shortened(described, notes=("A note.",))
    assert len(noted(found, ("A note.",), USUAL)["description"]) <= 2_048
    assert found["description"].endswith("…")
    assert (found["inputSchema"], done) == (described["inputSchema"], ["its description is cut"])


def test_what_helps_is_found_in_that_order_and_no_more_is_done() -> None:
    limits = Limits(definition_tokens_max=500, schema_bytes_max=450, description_chars_max=100)
    values = ["v" * 10] * 20
    found, done = shortened(tool(WORDS * 50, a={"enum": values, "title": "x" * 90, "description": WORDS}), limits)
    assert done == ["examples, comments and titles within its schema are left out", "its description is cut"]
    assert found["inputSchema"]["properties"]["a"] == {"enum": values, "description": WORDS}


@pytest.mark.parametrize("description", ["Do it.", None, WORDS * 1_000])
def test_what_can_not_be_made_to_fit_is_given_up(description: Any) -> None:
    described = tool(description, **{f"a_property_with_a_long_name_{n}": {"type": "string"} for n in range(400)})
    assert shrunk(described, (), USUAL) is None


def test_an_enumeration_where_words_are_longer_stays() -> None:
    limits = Limits(definition_tokens_max=5_000, schema_bytes_max=300, description_chars_max=100)
    assert shrunk(tool(**{f"p{n}": {"enum": list(range(13))} for n in range(20)}), (), limits) is None


def test_under_a_negation_nothing_is_made_wider() -> None:
    limits = Limits(definition_tokens_max=5_000, schema_bytes_max=500, description_chars_max=100)
    values = ["v" * 20 + str(n) for n in range(60)]
    assert shrunk(tool(a={"not": {"enum": values}}), (), limits) is None
    one_of = {"oneOf": [{"enum": values[:3]}, {"enum": ["w", *values]}]}
    found, _ = shortened(tool(a=one_of), limits)
    assert "oneOf" not in found["inputSchema"]["properties"]["a"]
    assert validator(found["inputSchema"]).is_valid({"a": "w"})


@settings(max_examples=200, deadline=None)
@given(TAPES, TAPES)
def test_whatever_is_allowed_stays_allowed(schema_tape: bytes, arguments_tape: bytes) -> None:
    tape = Tape(schema_tape)
    schema = {**plain(tape, depth=2), "type": "object", "$defs": {"one": {}, "two": {}}}
    before, given_tape = validator(schema), Tape(arguments_tape)
    if before is None:
        return
    size = len(json.dumps(schema))
    for part in (1.1, 1.5, 2, 4):
        limits = Limits(definition_tokens_max=2_000, schema_bytes_max=int(size / part) + 1, description_chars_max=100)
        found = shrunk({"description": "", "inputSchema": schema}, (), limits)
        if found is None:
            return
        after = validator(found[0]["inputSchema"])
        for _ in range(5):
            given_arguments = arguments(given_tape)
            if before.is_valid(given_arguments):
                assert after.is_valid(given_arguments), (schema, found, given_arguments)


def test_a_cut_text_is_no_longer_than_it_may_be_and_says_that_it_was_cut() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut("a bc", 3) == "a…"
