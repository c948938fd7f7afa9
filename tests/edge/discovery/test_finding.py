"""What a caller finds, and what it is told of what it may not use: nothing."""

import asyncio
from typing import Any

import pytest

from shared.errors import UnknownTool
from shared.identity import Principal
from tests.edge.discovery.parsers import parsed
from tests.edge.discovery.some_tools import ADA, NOBODY, OWNER, There, allowing, finding, tool

TEXT = {"type": "string"}
THERE = There(
    notes={
        "find": tool("Finds notes. By their text.", query=TEXT, required=["query"]),
        "drop-it": tool("Drops a note.", "write", id=TEXT, output={"type": "object", "properties": {"left": {}}}),
    },
    other={"find": tool("Finds others."), "drop.it": tool("Drops another."), "drop_it": tool("Drops.", "write")},
)


def discover(principal: Principal, text: str, limit: int | None = None, *allowed: str) -> list[dict[str, Any]]:
    return asyncio.run(finding(THERE, allowing(*allowed)).discover(principal, text, limit))


def describe(principal: Principal, name: str, *allowed: str) -> dict[str, Any] | None:
    return asyncio.run(finding(THERE, allowing(*allowed)).describe(principal, name))


def test_a_script_is_told_name_words_backend_and_class_of_what_it_finds() -> None:
    assert discover(OWNER, "drop note")[0] == {
        "name": "notes_drop-it",
        "js_name": "notes_drop_it",
        "description": "Drops a note.",
        "backend": "notes",
        "access": "write",
    }


def test_what_a_caller_may_not_use_is_not_found_and_takes_nobody_s_place() -> None:
    assert [each["name"] for each in discover(OWNER, "find", 1)] == ["other_find"]
    assert [each["name"] for each in discover(ADA, "find", 1, "notes_*")] == ["notes_find"]
    assert discover(ADA, "find") == []
    assert discover(NOBODY, "find", 10, "**") == []


@pytest.mark.parametrize("limit", [-5, 0, 1])
def test_at_least_one_is_found(limit: int) -> None:
    assert len(discover(OWNER, "find", limit)) == 1


def test_a_tool_is_described_whole() -> None:
    found = describe(OWNER, "notes_drop_it")
    assert found is not None
    lines = found.pop("typescript")
    assert found == {
        "name": "notes_drop-it",
        "js_name": "notes_drop_it",
        "description": "Drops a note.",
        "backend": "notes",
        "access": "write",
        "inputSchema": {"type": "object", "properties": {"id": TEXT}, "required": []},
        "outputSchema": {"type": "object", "properties": {"left": {}}},
        "annotations": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": True},
    }
    parsed(lines)
    assert "function notes_drop_it(args?: {\n    id?: string;\n  }): Promise<{\n    left?: any;\n  }>;" in lines


def test_what_a_caller_may_not_use_looks_like_what_there_is_not() -> None:
    assert describe(ADA, "notes_find", "other_*") is None
    assert describe(ADA, "notes_nothing", "other_*") is None


def test_a_tool_is_shown_as_it_is_to_be_called() -> None:
    by_itself = describe(ADA, "other_drop.it", "other_drop.it")
    assert by_itself is not None
    assert by_itself["js_name"] == "other_drop_it"
    beside = describe(OWNER, "other_drop.it")
    assert beside is not None
    assert "js_name" not in beside
    assert 'toolmesh["other_drop.it"](args)' in beside["typescript"]


def test_a_name_that_may_be_several_is_refused() -> None:
    there = There(a={"x-y": tool(), "x.y": tool()})
    with pytest.raises(UnknownTool, match="several"):
        asyncio.run(finding(there).describe(OWNER, "a_x_y"))
