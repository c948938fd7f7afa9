"""A tool of the catalogue: listed as the upstream wrote it, annotated by its class, checked without showing values."""

import json
from typing import Any

import pytest

from edge.tool import Tool, UnusableTool, callable_by_anyone
from shared.catalogue import define
from shared.errors import InvalidArguments
from shared.messages import CallClass

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 0},
        "s": {"type": "string", "maxLength": 5, "pattern": "^[a-z]*$"},
        "e": {"enum": ["x", "y"]},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a/b~c": {"type": "boolean"}}}},
        "evil": {"type": "string", "pattern": "^(a+)+$"},
    },
    "required": ["n"],
    "additionalProperties": False,
}


def tool(schema: Any = SCHEMA, access: CallClass = "read", **members: Any) -> Tool:
    described = {"name": "upstream's own", "inputSchema": schema, **members}
    return Tool("default", "demo", define("act", access, json.dumps(described).encode()))


def refused(arguments: dict[str, Any], on: Tool | None = None) -> InvalidArguments:
    with pytest.raises(InvalidArguments) as error:
        (on or tool()).validate(arguments)
    return error.value


@pytest.mark.parametrize("arguments", [{"n": 0}, {"n": 1.0}, {"n": 10**30}, {"n": 1, "s": "", "e": "x", "list": []}])
def test_arguments_that_the_schema_allows_pass(arguments: dict[str, Any]) -> None:
    tool().validate(arguments)


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({}, ""),
        ({"n": "1"}, "/n"),
        ({"n": True}, "/n"),
        ({"n": None}, "/n"),
        ({"n": 1.5}, "/n"),
        ({"n": -1}, "/n"),
        ({"n": [1]}, "/n"),
        ({"n": 1, "s": "secret-canary"}, "/s"),
        ({"n": 1, "s": "x" * 1_000_000}, "/s"),
        ({"n": 1, "e": "z"}, "/e"),
        ({"n": 1, "list": {}}, "/list"),
        ({"n": 1, "list": [{}, {"a/b~c": "secret-canary"}]}, "/list/1/a~1b~0c"),
        ({"n": 1, "__proto__": {}}, ""),
        ({"n": 1, "constructor": {}}, ""),
        ({"n": 1, "N": 1}, ""),
        ({"n": 1, "evil": "a" * 50_000 + "secret-canary"}, "/evil"),
    ],
)
def test_arguments_that_the_schema_forbids_are_named_by_place_and_never_by_value(
    arguments: dict[str, Any], pointer: str
) -> None:
    error = refused(arguments)
    assert error.data is not None
    assert error.data["pointer"] == pointer
    shown = f"{error.detail} {json.dumps(error.data)}"
    assert "canary" not in shown
    assert len(shown) < 4_000
    assert "demo_act" in error.detail


def test_a_wrong_name_is_told_with_the_one_that_may_have_been_meant_and_all_that_there_are() -> None:
    named = tool({"type": "object", "properties": {"state": {}, "b": {}}, "required": ["b"], "additionalProperties": False})
    assert refused({"sttae": 1, "b": 1}, named).detail == (
        "The arguments of demo_act don't match its input schema. (root): There is no argument `sttae`. "
        "Did you mean `state`? It takes `state`, `b`."
    )
    assert refused({"state": 1}, named).detail.endswith('(root): "b" is a required property. It takes `state`, `b`.')
    nothing = tool({"type": "object", "additionalProperties": False})
    assert refused({"a": 1}, nothing).detail.endswith("(root): There is no argument `a`. It takes no arguments.")


@pytest.mark.parametrize(("declared", "code"), [(True, "invalid_input"), (False, "invalid_arguments")])
def test_of_a_tool_that_a_dadl_file_declares_the_code_is_that_of_dadl(declared: bool, code: str) -> None:
    described = json.dumps({"inputSchema": SCHEMA}).encode()
    assert refused({}, Tool("default", "demo", define("act", "read", described, declared=declared))).code == code


def test_only_the_first_few_of_many_problems_are_told() -> None:
    many = tool({"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(500)}})
    error = refused({f"p{n}": n for n in range(500)}, many)
    assert error.data is not None
    assert len(error.data["problems"]) == 5


def test_a_key_of_the_caller_s_cannot_blow_up_the_answer() -> None:
    assert len(refused({"n": 1, "k" * 100_000: 1}).detail) < 2_000
    anything = tool({"type": "object", "additionalProperties": {"type": "string"}})
    error = refused({f"{n}{'k' * 100_000}": n for n in range(9)}, anything)
    assert len(error.detail) + len(json.dumps(error.data)) < 10_000


@pytest.mark.parametrize(
    "definition",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b"not json",
        b'{"inputSchema":null}',
        b'{"inputSchema":[]}',
        b'{"inputSchema":true}',
        b'{"inputSchema":{}}',
        b'{"inputSchema":{"type":"string"}}',
        b'{"inputSchema":{"type":["object"]}}',
        b'{"inputSchema":{"type":"object"},"x":"\xff"}',
        b'{"inputSchema":{"type":"object"},"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_a_definition_that_no_client_could_use_is_not_served(definition: bytes) -> None:
    with pytest.raises(UnusableTool):
        Tool("default", "demo", define("act", "read", definition))


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "object", "properties": {"a": {"type": "nonsense"}}},
        {"type": "object", "properties": {"a": {"pattern": "("}}},
        {"type": "object", "properties": {"a": {"$ref": "file:///etc/hostname"}}},
        {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"type": "object", "$schema": "https://example.com/unknown"},
        {"type": "object", "required": "a"},
    ],
)
def test_a_schema_that_cannot_be_compiled_fails_only_its_own_calls(broken: dict[str, Any]) -> None:
    served = tool(broken)
    for _ in range(2):
        with pytest.raises(UnusableTool, match="demo_act"):
            served.validate({"a": "x"})


def test_a_pattern_that_tries_for_long_fits_nothing_and_a_plain_look_ahead_does() -> None:
    """Its time would be the edge's, for each of thousands of texts."""
    long = tool({"type": "object", "properties": {"a": {"type": "array", "items": {"pattern": r"^(?!(?:(a+)\1?)+$)"}}}})
    long.validate({"a": ["aaaa!"] * 1_000})
    found = refused({"a": ["a" * 14 + "!"]}, long).data
    assert found is not None
    assert found["pointer"] == "/a/0"
    plain = tool({"type": "object", "properties": {"a": {"pattern": r"^(?!.*secret)(?=.*\d).*$"}}})
    plain.validate({"a": "x" * 100_000 + "1"})
    assert refused({"a": "x" * 100_000}, plain).data is not None


def test_a_schema_that_refers_to_itself_is_served_and_ends() -> None:
    served = tool({"type": "object", "properties": {"a": {"$ref": "#"}}})
    served.validate({"a": {"a": {}}})
    assert refused({"a": {"a": 1}}, served).data == {
        "pointer": "/a/a",
        "problems": [{"pointer": "/a/a", "message": 'the value is not of type "object"'}],
    }


def test_what_the_upstream_wrote_is_listed_with_our_name_and_nothing_is_lost() -> None:
    unknown: dict[str, Any] = {"x-own": {"deep": [1, None]}, "_meta": {"openai/outputTemplate": "ui://x"}}
    fits = {**SCHEMA, "properties": {name: SCHEMA["properties"][name] for name in ("n", "s", "e")}}
    for schema in (fits, SCHEMA):
        plain = tool(schema, title="Act", **unknown).listed_plain
        assert (plain["name"], plain["inputSchema"]) == ("act", schema), "one backend, as it is"
    listed = tool(fits, title="Act", **unknown).listed
    assert listed["name"] == "demo_act"
    for each in (listed, plain):
        assert (each["x-own"], each["title"]) == ({"deep": [1, None]}, "Act")
        assert each["_meta"]["openai/outputTemplate"] == "ui://x"
    assert listed["inputSchema"] == fits
    assert "toolmesh/repairs" not in listed["_meta"]


def test_what_clients_refuse_is_repaired_where_it_is_listed_and_not_where_it_is_checked() -> None:
    act = tool()
    assert act.listed["inputSchema"]["properties"]["list"]["items"] == {
        "type": "object",
        "properties": {},
        "description": "Also takes `a/b~c` (boolean).",
    }
    assert len(act.listed["_meta"]["toolmesh/repairs"]) == 1
    assert refused({"n": 1, "list": [{"a/b~c": "x"}]}, act).data is not None


def test_a_tool_that_no_repair_helps_says_so_and_is_checked_all_the_same() -> None:
    act = tool({"type": "object", "properties": {f"a_long_name_{n}": {"type": "string"} for n in range(500)}})
    assert "bytes" in act.accepted.refused
    act.validate({"a_long_name_1": "x"})
    refused({"a_long_name_1": 1}, act)


def test_a_tool_has_a_title_and_what_is_of_another_type_than_mcp_says_is_dropped() -> None:
    act = tool(description=5, icons="x", annotations={"title": 1})
    for each in (act.listed, act.listed_plain):
        assert {"description", "icons"}.isdisjoint(each)
        assert "title" not in each["annotations"]
    assert (act.listed["title"], act.listed_plain.get("title")) == ("Act", None)


@pytest.mark.parametrize(("access", "scope"), [("read", "read"), ("idempotent", "write"), ("write", "write")])
@pytest.mark.parametrize(
    "theirs", [{}, {"securitySchemes": [{"type": "noauth"}], "_meta": {"securitySchemes": []}}, {"_meta": 1}]
)
def test_a_tool_says_which_scope_it_takes_whatever_the_upstream_says_of_itself(
    access: CallClass, scope: str, theirs: dict[str, Any]
) -> None:
    ours = [{"type": "oauth2", "scopes": [f"tools:{scope}"]}]
    for listed in (tool(access=access, **theirs).listed, tool(access=access, **theirs).listed_plain):
        assert (listed["securitySchemes"], listed["_meta"]["securitySchemes"]) == (ours, ours)
        free = callable_by_anyone(listed)
        assert (free["securitySchemes"], free["_meta"]["securitySchemes"]) == ([{"type": "noauth"}], [{"type": "noauth"}])
        assert listed["securitySchemes"] == ours, "the listed tool itself is left as it is"


@pytest.mark.parametrize(
    ("access", "theirs", "ours"),
    [
        ("read", {}, (True, False, True, True)),
        ("read", {"readOnlyHint": False, "destructiveHint": True, "openWorldHint": False}, (True, False, True, False)),
        ("idempotent", {}, (False, True, True, True)),
        ("write", {}, (False, True, False, True)),
        ("write", {"readOnlyHint": True, "idempotentHint": True}, (False, True, False, True)),
        ("write", {"destructiveHint": False}, (False, False, False, True)),
        ("write", {"destructiveHint": "no", "openWorldHint": 0}, (False, True, False, True)),
        ("write", "nonsense", (False, True, False, True)),
        ("write", None, (False, True, False, True)),
    ],
)
def test_annotations_say_what_the_class_says_whatever_the_upstream_claims(
    access: CallClass, theirs: Any, ours: tuple[bool, bool, bool, bool]
) -> None:
    hints = tool(access=access, annotations=theirs).listed["annotations"]
    found = tuple(hints[f"{name}Hint"] for name in ("readOnly", "destructive", "idempotent", "openWorld"))
    assert found == ours


def test_an_annotation_that_we_do_not_know_is_kept() -> None:
    assert tool(annotations={"title": "T", "x": 1}).listed["annotations"]["x"] == 1
