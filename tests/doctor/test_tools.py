"""10: the doctor sees what clients refuse of tools, and names the tool."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.doctor import bends
from tests.doctor.behind import look_behind
from tests.doctor.bends import Bend
from tests.doctor.examined import Doctor, assert_found, levels, shown
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.finding import Level
from toolmesh.doctor.groups import GROUPS
from toolmesh.doctor.report import Report

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
Tool = dict[str, Any]
GOOD: Tool = {
    "name": "notes_find",
    "description": "Find a note.",
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
    "annotations": {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False},
}


def look(doctor: Doctor, *tools: Tool, persona: str = "generic") -> Report:
    """At a house that lists these tools beside its own."""

    edit = bends.in_result(lambda result: result | {"tools": [*result["tools"], *tools]})
    bend = Bend("/mcp", "POST", edit, bends.rpc("tools/list"))
    small = Bounds(large_body_bytes=1024)
    return look_behind(doctor, ("mcp", "tools"), *([bend] if tools else []), persona=persona, bounds=small)


def tool(**changes: Any) -> Tool:
    """A good tool, but for that."""
    return GOOD | changes


def schema(**changes: Any) -> Tool:
    """A good tool, but for that in its input schema."""
    return tool(inputSchema={**GOOD["inputSchema"], **changes})


def test_the_tools_of_a_house_in_order_pass_every_check(doctor: Doctor) -> None:
    report = look(doctor)
    found = [finding for finding in report.findings if finding.check.startswith("tools.")]
    assert {finding.level for finding in found} == {PASS}, shown(report)
    group = next(group for group in GROUPS if group.noun == "tools")
    assert [finding.check for finding in found] == list(dict.fromkeys(finding.check for finding in found))
    assert {finding.check for finding in found} == set(group.checks)


def test_a_good_tool_more_is_fine(doctor: Doctor) -> None:
    report = look(doctor, GOOD)
    assert levels(report, FAIL) == levels(report, WARN) == [], shown(report)


@pytest.mark.parametrize(
    ("bad", "check", "level", "words"),
    [
        pytest.param(tool(name="notes.find"), "tools.names", FAIL, ("`notes.find`",), id="a dot in the name"),
        pytest.param(tool(name="n" * 65), "tools.names", FAIL, ("65 characters",), id="a long name"),
        pytest.param(tool(name="echo_add"), "tools.twice", FAIL, ("`echo_add`",), id="a name twice"),
        pytest.param(schema(type="array"), "tools.schemas", FAIL, ("`notes_find`", "array"), id="no object"),
        pytest.param(tool(inputSchema=None), "tools.schemas", FAIL, ("none",), id="no schema"),
        pytest.param(schema(properties=7), "tools.schemas", FAIL, ("does not compile",), id="no JSON Schema"),
        pytest.param(schema(anyOf=[{}]), "tools.root", FAIL, ("anyOf", "Anthropic"), id="alternatives at the root"),
        pytest.param(
            schema(properties={"a": {"$ref": "https://elsewhere.example/a.json"}}),
            "tools.references",
            FAIL,
            ("https://elsewhere.example/a.json", "$defs"),
            id="a reference to elsewhere",
        ),
        pytest.param(
            schema(properties={"a": {"type": "object", "properties": {"b c": {}}}}),
            "tools.properties",
            FAIL,
            ("b c",),
            id="a nested property with a space",
        ),
        pytest.param(tool(outputSchema={"type": "string"}), "tools.output", FAIL, ("string",), id="a text as output"),
        pytest.param(tool(description=""), "tools.descriptions", WARN, ("no description",), id="no description"),
        pytest.param(tool(description="d" * 3000), "tools.descriptions", WARN, ("3000 characters",), id="a long one"),
        pytest.param(tool(annotations=None), "tools.hints", WARN, ("readOnlyHint, destr", "class:"), id="no hints"),
        pytest.param(tool(name="search"), "tools.reserved", WARN, ("`search`", "`query`"), id="another search"),
        pytest.param(tool(name="fetch"), "tools.reserved", WARN, ("`fetch`", "`id`"), id="another fetch"),
    ],
)
def test_a_tool_that_clients_refuse_is_named(
    doctor: Doctor, bad: Tool, check: str, level: Level, words: tuple[str, ...]
) -> None:
    report = look(doctor, bad)
    assert_found(report, check, level, *words)
    others = [finding.check for finding in report.findings if finding.check != check and finding.level in (FAIL, WARN)]
    assert others == [], shown(report)


def test_what_openai_documents_may_be_called_search(doctor: Doctor) -> None:
    search = tool(
        name="search", inputSchema={"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    )
    assert_found(look(doctor, search), "tools.reserved", PASS)


LARGE = {"type": "string", "enum": [f"value {number:06}" for number in range(1_800)]}


@pytest.mark.parametrize(
    ("persona", "size", "tokens"), [("claude", FAIL, WARN), ("chatgpt", WARN, FAIL), ("generic", WARN, WARN)]
)
def test_a_definition_that_is_too_large_fails_for_the_client_that_refuses_it(
    doctor: Doctor, persona: str, size: Level, tokens: Level
) -> None:
    report = look(doctor, schema(properties={"a": LARGE}), persona=persona)
    assert_found(report, "tools.schema_size", size, "`notes_find`", "bytes")
    assert_found(report, "tools.tokens", tokens, "`notes_find`", "about")


@pytest.mark.parametrize(("count", "level"), [(40, WARN), (120, FAIL)])
def test_many_tools_are_too_many(doctor: Doctor, count: int, level: Level) -> None:
    own = len(doctor.broken.house.a.tool_names())
    report = look(doctor, *(tool(name=f"notes_{number}") for number in range(count)))
    assert_found(report, "tools.count", level, f"There are {count + own} tools")


def test_of_many_bad_tools_some_are_named_and_the_rest_counted(doctor: Doctor) -> None:
    report = look(doctor, *(tool(name=f"notes.{number}") for number in range(9)))
    assert_found(report, "tools.names", FAIL, "`notes.0`", "`notes.4`", "and 4 more")


SAMPLES: list[tuple[Callable[[dict[str, Any]], Any], tuple[str, ...]]] = [
    (lambda result: result | {"content": [{"type": "json", "json": {}}]}, ("`json`", "424")),
    (lambda result: result | {"isError": True}, ("echo_time is listed, and its call failed", "worker")),
]


@pytest.mark.parametrize(("edit", "words"), SAMPLES, ids=["content of no known type", "an error"])
def test_a_result_that_clients_do_not_read_is_seen(
    doctor: Doctor, edit: Callable[[dict[str, Any]], Any], words: tuple[str, ...]
) -> None:
    bend = Bend("/mcp", "POST", bends.in_result(edit), bends.rpc("tools/call"))
    report = look_behind(doctor, ("mcp", "tools"), bend, bounds=Bounds(large_body_bytes=1024))
    assert_found(report, "tools.sample", FAIL, *words)


def test_a_result_that_does_not_fit_its_output_schema_is_seen(doctor: Doctor) -> None:
    def promise(result: dict[str, Any]) -> None:
        for each in result["tools"]:
            if each["name"] == "echo_time":
                each["outputSchema"] = {"type": "object", "required": ["now"]}

    bend = Bend("/mcp", "POST", bends.in_result(promise), bends.rpc("tools/list"))
    report = look_behind(doctor, ("mcp", "tools"), bend, bounds=Bounds(large_body_bytes=1024))
    assert_found(report, "tools.sample", FAIL, "does not fit its outputSchema")


def test_no_tool_is_called_that_the_doctor_does_not_know(doctor: Doctor) -> None:
    def rename(result: dict[str, Any]) -> None:
        for each in result["tools"]:
            each["name"] = each["name"].replace("echo_", "other_")

    bend = Bend("/mcp", "POST", bends.in_result(rename), bends.rpc("tools/list"))
    before = len(doctor.broken.front.asked)
    report = look_behind(doctor, ("mcp", "tools"), bend, bounds=Bounds(large_body_bytes=1024))
    assert_found(report, "tools.sample", SKIP, "harmless")
    called = [
        asked.message["params"]["name"]
        for asked in doctor.broken.front.asked[before:]
        if asked.path == "/mcp" and asked.message.get("method") == "tools/call"
    ]
    assert called == ["toolmesh_doctor_no_such_tool"]
