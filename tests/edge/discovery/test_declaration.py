"""Tools as TypeScript: valid whatever a definition says, and true to it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.discovery.typescript.declaration import declaration
from edge.discovery.typescript.types import Types
from shared.catalogue import RETURNS
from tests.clients import node
from tests.edge.accepted.schemas import ODD_NAMES, TAPES, Tape, arguments_schema
from tests.edge.discovery.parsers import kinds, parsed, taken_out
from tests.edge.discovery.some_tools import Described, entry_of, tool

TEXT: dict[str, Any] = {"type": "string"}
NASTY = 'ends */ here \u2028 and \0 "quotes" `${x}` // <b> \\ \ud7ff \U0001f4a5 ' + "x" * 3000


def written(described: Described, *, callable_as: str | None = "b_make") -> str:
    return f"declare namespace toolmesh {{\n{declaration(entry_of(described), callable_as=callable_as, number=1)}}}\n"


def argument(schema: Any, name: str = "it") -> str:
    """The type of one property, on one line."""
    found = written(tool(required=[name], **{name: schema}))
    parsed(found)
    flat = re.sub(r"/\*\*.*?\*/", "", found, flags=re.DOTALL)
    return " ".join(flat.split()).partition("args: { ")[2].removesuffix("; }): Promise<any>; }")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "it: string"),
        ({"type": "integer"}, "it: number"),
        ({"type": "null"}, "it: null"),
        ({"type": ["string", "null"]}, "it: string | null"),
        ({"type": "string", "nullable": True}, "it: string | null"),
        ({"enum": ["a", 'b"', 1, None, True]}, 'it: "a" | "b\\"" | 1 | null | true'),
        ({"const": -1.5}, "it: -1.5"),
        ({"type": "array", "items": {"type": "string"}}, "it: string[]"),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, 'it: ("x" | "y")[]'),
        ({"type": "array", "items": {"enum": ["x | y"]}}, 'it: "x | y"[]'),
        ({"type": "array", "prefixItems": [TEXT, {"type": "number"}], "items": False}, "it: [string, number]"),
        ({"type": "array", "prefixItems": [TEXT], "items": {"enum": [1, 2]}}, "it: [string, ...(1 | 2)[]]"),
        ({"type": "array"}, "it: any[]"),
        ({"type": "object"}, "it: { [key: string]: any }"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "it: { [key: string]: number }"),
        ({"type": "object", "additionalProperties": False}, "it: {}"),
        (
            {"properties": {"a": TEXT}, "required": ["a"], "additionalProperties": {"type": "number"}},
            "it: { a: string; [key: string]: any; }",
        ),
        ({"anyOf": [TEXT, {"type": "object", "properties": {"a": TEXT}}]}, "it: string | { a?: string; }"),
        ({"oneOf": [TEXT, TEXT]}, "it: string"),
        ({"oneOf": [TEXT, {}]}, "it: any"),
        (
            {"type": "object", "properties": {"a": TEXT}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            "it: { a?: string; } & ({ a: any; } | { b: any; })",
        ),
        ({"allOf": [{"properties": {"a": TEXT}}, {"properties": {"b": TEXT}}]}, "it: { a?: string; } & { b?: string; }"),
        ({"$ref": "#/properties/it/$defs/x", "$defs": {"x": {"enum": ["deep"]}}}, 'it: "deep"'),
        ({"$ref": "https://elsewhere.example/x"}, "it: any"),
        ({"$ref": "#/nowhere"}, "it: any"),
        ({"type": "array", "items": {"$ref": "#/properties/it"}}, "it: any[][]"),
        (True, "it: any"),
        (False, "it: never"),
        ({"type": "strange"}, "it: any"),
        ({"type": "object", "properties": {"a-b": TEXT, "c": TEXT}}, 'it: { "a-b"?: string; c?: string; }'),
    ],
    ids=lambda value: json.dumps(value)[:60] if not isinstance(value, str) else "as",
)
def test_a_schema_is_the_type_that_it_means(schema: Any, expected: str) -> None:
    assert argument(schema) == expected


def test_what_a_type_can_not_say_stands_beside_it() -> None:
    found = written(
        tool(
            "Opens one.",
            "write",
            required=["about"],
            about={"type": "string", "description": "What it is about", "maxLength": 80, "pattern": "^a*/b"},
            per_page={"type": "integer", "minimum": 1, "maximum": 100, "default": 30},
            labels={"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 1, "uniqueItems": True},
            closed={"type": "boolean", "default": False, "deprecated": True},
        )
    )
    parsed(found)
    assert "   * Opens one.\n   * @access write\n" in found
    assert '/** What it is about. Pattern: "^a*\\/b". Characters at most: 80. */\n    about: string;' in found
    assert "/** Minimum: 1. Maximum: 100. Default: 30. */\n    per_page?: number;" in found
    assert '/** Items at least: 1. No item twice. Each: Format: "uri". */\n    labels?: string[];' in found
    assert "/** Default: false. Deprecated. */\n    closed?: boolean;" in found


def test_arguments_may_be_left_out_where_none_is_required() -> None:
    assert "function b_make(args?: {\n    a?: string;" in written(tool(a=TEXT))
    assert "function b_make(args: {\n    a: string;" in written(tool(a=TEXT, required=["a"]))


def test_the_result_has_the_type_that_the_tool_says() -> None:
    output = {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}
    assert "Promise<{\n    n?: number;\n  }>;" in written(tool(output=output))
    assert "Promise<any>;" in written(tool())
    described = {"type": "array", "items": {"type": "string"}}
    assert "Promise<string[]>;" in written({**tool(), "_meta": {"toolmesh/returns": described}})


@pytest.mark.parametrize(
    "name", ["", "1", "class", "__proto__", "a b", "filter[name:like]", '"', "*/", "\u2028", "\n", "ä"]
)
def test_properties_of_any_name_are_quoted_where_they_have_to_be(name: str) -> None:
    found = written(tool(**{name: TEXT}))
    pairs = [node for node in kinds(parsed(found)) if node == "property_signature"]
    assert len(pairs) == 1
    assert found.count(": string;") == 1


def test_nothing_in_a_description_ends_its_comment() -> None:
    described = tool(NASTY, it={"type": "string", "description": NASTY, "default": NASTY, "pattern": "*/ }"})
    found = written(described)
    assert kinds(parsed(found)).count("function_signature") == 1
    assert kinds(parsed(found)).count("comment") == 2


def test_a_tool_that_can_not_be_written_behind_a_dot_is_shown_with_the_way_to_call_it() -> None:
    found = written(tool(a=TEXT, required=["a"]), callable_as=None)
    parsed(found)
    assert (
        '// Call it as toolmesh["b_make"](args)\n  type tool_1 = (args: {\n    a: string;\n  }) => Promise<any>;' in found
    )


def test_a_schema_of_thousands_of_parts_stays_short() -> None:
    twice = {
        f"n{n}": {"properties": {name: {"$ref": f"#/properties/it/$defs/n{n + 1}"} for name in "ab"}} for n in range(60)
    }
    deep = written(tool(it={"$ref": "#/properties/it/$defs/n0", "$defs": twice}))
    parsed(deep)
    assert len(deep) < 20_000
    wide = {"type": "object", "properties": {f"p{n}": TEXT for n in range(5_000)}, "additionalProperties": False}
    assert len(written(tool(it=wide))) < 20_000
    assert "[key: string]: any;" in written(tool(it=wide))
    many = {"enum": [f"value {n}" for n in range(5_000)]}
    assert argument(many).endswith('"value 39" | string')


@given(TAPES)
def test_whatever_a_schema_is_the_declaration_is_valid(tape: bytes) -> None:
    schema = arguments_schema(Tape(tape), ("a", *ODD_NAMES), 3)
    parsed(f"type it = {Types(schema).of(schema)};")


@given(st.text(), st.text(), st.text())
def test_whatever_texts_a_definition_has_the_declaration_is_valid(name: str, said: str, value: str) -> None:
    schema = {"type": "object", "properties": {name: {"enum": [value, 1], "description": said, "default": value}}}
    described = {"description": said, "inputSchema": schema, "access": "read"}
    assert kinds(parsed(written(described))).count("function_signature") == 1


@pytest.mark.skipif(node.binary() is None, reason="there is no Node.js")
def test_a_compiler_takes_it_for_nothing_but_types() -> None:
    sources = [
        written(tool(NASTY, it={"type": "string", "description": NASTY, "enum": ["*/", "\u2028", NASTY]})),
        written(tool(it=TEXT, required=["it"]), callable_as=None),
        written(tool(output={"type": "object", "properties": {"a-b": {"anyOf": [TEXT, {"type": "array"}]}}})),
    ]
    assert taken_out(sources) == [("", "")] * 3
    assert taken_out(["declare namespace a { function b(: string); }"])[0][1]


def test_a_tool_that_is_too_large_for_a_list_is_shown_with_fewer_parts_and_whole_where_it_is_asked_for() -> None:
    values = {"enum": [f"{n} " + "x" * 90 for n in range(40)]}
    entry = entry_of(tool("Large.", **{f"p{n}": values for n in range(50)}))
    short, whole = (declaration(entry, callable_as="b_make", whole=whole) for whole in (False, True))
    parsed(f"declare namespace toolmesh {{\n{short}}}")
    assert len(short) < 10_000 < 100_000 < len(whole)


def test_what_a_dadl_file_says_of_the_result_is_shown_as_the_result() -> None:
    row = {"type": "object", "properties": {"id": {"type": "integer"}, "next": {"$ref": "#/$defs/Row"}}}
    returns = {"type": "array", "items": {"$ref": "#/$defs/Row"}, "$defs": {"Row": row}}
    found = written(tool() | {"_meta": {RETURNS: returns}})
    parsed(found)
    assert re.sub(r"\s+", " ", found).partition("Promise<")[2].startswith("{ id?: number; next?: ")
