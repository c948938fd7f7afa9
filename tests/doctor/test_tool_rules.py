"""The doctor's rules for tools are its own, and agree with those by which an edge lists them: what an edge made fit, the
doctor has nothing to say against."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.accepted.definition import accept
from edge.accepted.fitted import fits_property, fits_tool, fitted_tools
from edge.accepted.limits import USUAL
from edge.accepted.root import REFUSED
from edge.accepted.search_fetch import claims_contract
from tests.edge.accepted.schemas import NAMES, ODD_NAMES, TAPES, Tape, arguments_schema, validator
from toolmesh.doctor import tool_rules
from toolmesh.doctor.tool_rules import Tool

RULES = (
    tool_rules.bad_schema,
    tool_rules.refused_at_root,
    tool_rules.remote_references,
    tool_rules.bad_property,
    tool_rules.bad_output_schema,
)


def test_the_limits_are_those_that_an_edge_keeps_to() -> None:
    assert USUAL.schema_bytes_max == tool_rules.SCHEMA_BYTES_MAX
    assert USUAL.definition_tokens_max == tool_rules.DEFINITION_TOKENS_MAX
    assert USUAL.description_chars_max == tool_rules.DESCRIPTION_CHARACTERS_MAX
    assert tool_rules.REFUSED_AT_ROOT == REFUSED


@settings(max_examples=150, deadline=None)
@given(TAPES)
def test_what_an_edge_made_fit_passes(tape: bytes) -> None:
    schema = arguments_schema(Tape(tape), (*NAMES, *ODD_NAMES))
    if validator(schema) is None:
        return  # workers don't publish it
    described = {"name": "act", "description": "Acts.", "inputSchema": schema, "outputSchema": schema}
    found = accept(described, json.dumps(described).encode(), USUAL)
    if found.refused:
        return
    assert [rule.__name__ for rule in RULES if rule(found.described)] == []
    assert tool_rules.schema_bytes(found.described) <= USUAL.schema_bytes_max
    assert tool_rules.tokens(found.described) < USUAL.definition_tokens_max


@settings(max_examples=200, deadline=None)
@given(st.sets(st.text(max_size=80), max_size=5))
def test_names_that_an_edge_gives_pass_and_what_it_changes_does_not(names: set[str]) -> None:
    given_names = {name: fitted_tools(names).get(name, name) for name in names}
    assert [name for name in given_names.values() if tool_rules.bad_name({"name": name})] == []
    for name in names:
        assert bool(tool_rules.bad_name({"name": name})) is not fits_tool(name)
        tool: Tool = {"inputSchema": {"type": "object", "properties": {name: {}}}}
        assert bool(tool_rules.bad_property(tool)) is not fits_property(name)


SCHEMAS: list[Any] = [
    {},
    {"properties": {"query": {"type": "string"}, "id": {"type": "string"}}},
    {"properties": {"query": {"type": "string"}}, "required": ["query"]},
    {"properties": {"id": {"type": "string"}, "more": {}}, "required": ["id", "more"]},
    {"properties": {"query": {"type": "integer"}}},
    {"properties": []},
]


def test_edge_and_doctor_agree_on_what_may_be_called_search_and_fetch() -> None:
    for name in ("search", "fetch", "find"):
        for schema in SCHEMAS:
            said = tool_rules.reserved({"name": name, "inputSchema": schema})
            assert bool(said) is claims_contract(name, schema), (name, schema)


def test_what_only_looks_like_a_schema_is_none() -> None:
    data = {"properties": {"a b": 1}, "$ref": "https://elsewhere.example"}
    schema = {
        "type": "object",
        "default": data,
        "examples": [data],
        "x-note": data,
        "properties": {"enum": {"enum": [data]}},
    }
    tool: Tool = {"inputSchema": schema}
    assert (tool_rules.bad_property(tool), tool_rules.remote_references(tool)) == ("", "")
