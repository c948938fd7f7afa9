"""What the tests hold a list of tools against sees what an agent stumbles over: else the matrix could not fail."""

from typing import Any

import pytest

from tests.chatgpt.lint import complaints

SCHEMES = [{"type": "oauth2", "scopes": ["tools:read"]}]
HINTS = {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": True}
FINE: dict[str, Any] = {
    "name": "notes_find",
    "description": "Find a note.",
    "inputSchema": {"type": "object", "properties": {"words": {"type": "string"}}},
    "annotations": HINTS,
    "securitySchemes": SCHEMES,
    "_meta": {"securitySchemes": SCHEMES},
}
MANY = {f"property_{number}": {"type": "string", "description": "x" * 40} for number in range(300)}
WRONG: dict[str, dict[str, Any]] = {
    "a name that no function may have": {"name": "notes.find"},
    "more than 16384 bytes": {"inputSchema": {"type": "object", "properties": MANY}},
    "5000 tokens or more": {"inputSchema": {"type": "object", "properties": MANY}, "description": "x" * 2000},
    "more than 2048 characters": {"description": "x" * 2049},
    "no openWorldHint": {"annotations": {**HINTS, "openWorldHint": None}},
    "no readOnlyHint": {"annotations": {}},
    "a schema that is no object": {"inputSchema": {}},
    "anyOf at the root": {"inputSchema": {"type": "object", "anyOf": [{"required": ["a"]}]}},
    "a $ref to somewhere else": {"inputSchema": {"type": "object", "not": {"$ref": "https://a.example/b"}}},
    "a property called 'user name'": {"inputSchema": {"type": "object", "properties": {"user name": {}}}},
    "nothing to step up by": {"securitySchemes": []},
    "an outputSchema that is no object": {"outputSchema": {"type": "string"}},
}


def test_it_has_nothing_to_say_of_a_good_list() -> None:
    assert complaints([FINE, {**FINE, "name": "n" * 64}]) == []


@pytest.mark.parametrize("said", WRONG)
def test_it_says_what_is_wrong_with_a_tool(said: str) -> None:
    found = complaints([FINE | WRONG[said]])
    assert any(said in complaint for complaint in found), found


def test_it_sees_a_name_that_stands_twice() -> None:
    assert complaints([FINE, FINE]) == ["notes_find: listed 2 times"]
