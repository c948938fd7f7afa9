"""Tool definitions out of a DADL file: schemas, descriptions, classes, hints."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from edge.tool import Tool
from shared.catalogue import is_keyed
from tests.workers.rest.written import PLAIN, backend, loaded, tool
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.loading import load_definition
from workers.backends.rest.response.override import override_property
from workers.backends.rest.tools.introduction import introduction
from workers.backends.rest.tools.offering import tools_of

WHOLE = Path(__file__).parent / "whole.dadl"


@pytest.fixture(scope="module")
def whole() -> Definition:
    found = load_definition(WHOLE).definition
    assert found is not None
    return found


@pytest.fixture(scope="module")
def offered(whole: Definition) -> dict[str, dict[str, Any]]:
    return {tool.name: msgspec.json.decode(tool.definition) for tool in tools_of(whole)}


def test_all_tools_composites_and_health_are_offered_in_the_order_of_their_names(whole: Definition) -> None:
    names = [tool.name for tool in tools_of(whole)]
    assert names == sorted([*whole.tools, *whole.composites, "health"])
    assert all(tool.declared for tool in tools_of(whole)), "so that edges know whose codes count"
    assert [tool.name for tool in tools_of(whole, include=("on", "health"))] == ["health", "on"]


def test_an_edit_of_a_tool_changes_its_hash_and_no_other_tools(tmp_path: Path) -> None:
    before = "x: {method: GET, path: /x, description: X}\n    y: {method: GET, path: /y, description: Y}"
    tools = PLAIN.replace("now: {method: GET, path: /now, access: read, description: Latest}", "{}")

    def hashes(block: str, text: str = tools) -> dict[str, str]:
        return {tool.name: tool.hash for tool in tools_of(loaded(tmp_path, text.replace("{}", block, 1)))}

    former, edited = hashes(before), hashes(before.replace("/x", "/z"))
    assert (former["x"] != edited["x"], former["y"]) == (True, edited["y"])
    other = hashes(before, tools.replace("credential: wx", "credential: other"))
    assert not set(former.values()) & set(other.values()), "how requests are authenticated counts for all"


def test_an_edit_of_a_script_changes_the_composites_hash(tmp_path: Path) -> None:
    one, other = (
        tools_of(loaded(tmp_path, backend(f"composites: {{all: {{description: A, code: 'return {n}'}}}}")))[0] for n in "12"
    )
    assert (one.name, one.definition) == (other.name, other.definition)
    assert one.hash != other.hash


def test_a_composite_that_calls_what_the_operator_calls_a_write_is_one(tmp_path: Path) -> None:
    definition = loaded(tmp_path, backend("composites: {all: {description: A, code: 'return await api.now({})'}}"))
    assert {tool.name: tool.access for tool in tools_of(definition)} == {"all": "read", "now": "read"}
    assert {tool.name: tool.access for tool in tools_of(definition, classes={"now": "write"})} == {
        "all": "write",
        "now": "write",
    }


def test_nothing_but_what_is_declared_may_be_given(offered: dict[str, dict[str, Any]]) -> None:
    schema = offered["on"]["inputSchema"]
    assert schema == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "Which one"},
            "on": {"type": "boolean"},
            "filter[name]": {"type": "array", "items": {}},
            "X-Reason": {"type": "string", "default": "none"},
            "jq": override_property(),
        },
        "required": ["id", "on"],
        "additionalProperties": False,
    }
    check = jsonschema_rs.validator_for(schema)
    assert check.is_valid({"id": "1", "on": True, "filter[name]": [1, "a"]})
    assert not check.is_valid({"id": "1", "on": True, "off": False})
    assert not check.is_valid({"id": "1"})


def test_null_is_taken_where_a_json_body_may_leave_something_out(tmp_path: Path) -> None:
    block = (
        "{method: PATCH, path: /a, description: A, params: {a: {type: string, in: body}, b: {type: string, in: body, "
        "required: true}, q: {type: string, in: query}}}"
    )

    def kinds(text: str) -> dict[str, Any]:
        (found,) = tools_of(loaded(tmp_path, text))
        properties = msgspec.json.decode(found.definition)["inputSchema"]["properties"]
        return {name: schema["type"] for name, schema in properties.items()}

    assert kinds(tool(block)) == {"a": ["string", "null"], "b": "string", "q": "string"}
    as_a_form = {"a": "string", "b": "string", "q": "string"}
    assert kinds(tool(block.replace("A,", "A, content_type: application/x-www-form-urlencoded,"))) == as_a_form
    assert kinds(tool(block.replace("q: ", "f: {type: file_url, in: body}, q: "))) == as_a_form | {"f": "string"}


def test_a_type_of_the_file_stands_in_the_schema_with_its_definitions(tmp_path: Path) -> None:
    text = backend("types: {Row: {type: object, properties: {id: integer}}}").replace(
        "description: Latest}", "description: Latest, params: {r: {type: Row, in: query}, o: {type: Row, in: body}}}"
    )
    (found,) = tools_of(loaded(tmp_path, text))
    schema = msgspec.json.decode(found.definition)["inputSchema"]
    assert schema["$defs"] == {"Row": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    assert schema["properties"]["r"] == {"$ref": "#/$defs/Row"}
    check = jsonschema_rs.validator_for(schema)
    assert check.is_valid({"r": {"id": 1}, "o": None})
    assert not check.is_valid({"r": {"id": "one"}})


def test_a_composite_has_the_schema_of_its_parameters(offered: dict[str, dict[str, Any]]) -> None:
    assert offered["warm_rows"]["inputSchema"] == {
        "type": "object",
        "properties": {
            "min": {"type": ["number", "null"], "description": "In degrees", "default": 20},
            "all": {"type": "boolean"},
        },
        "required": ["all"],
        "additionalProperties": False,
    }


def test_a_description_tells_what_a_model_has_to_know(offered: dict[str, dict[str, Any]]) -> None:
    assert offered["old_rows"]["description"] == "DEPRECATED: no paging; use list_rows instead. All rows, as they were"
    assert offered["list_rows"]["description"] == (
        "All rows\n\nHints:\n- sorting: newest first\n- limit max: 100\n\nReturns: Row[]"
    )
    assert offered["on"]["description"] == "Turn on or off\n\nExample: Warm rooms: warm_rows → on"
    assert offered["warm_rows"]["description"] == "Rows above a temperature\n\nHints:\n- unit: degrees"
    file = offered["attach"]["inputSchema"]["properties"]["file"]
    assert file == {
        "type": "string",
        "description": "The file. A URL of the file: https, http or data.",
    }


def test_what_a_tool_returns_is_told_to_programs(offered: dict[str, dict[str, Any]]) -> None:
    returns = offered["list_rows"]["_meta"]["toolmesh/returns"]
    row = {"type": "object", "properties": {"id": {"type": "integer"}, "next": {"$ref": "#/$defs/Row"}}}
    assert returns == {"type": "array", "items": {"$ref": "#/$defs/Row"}, "$defs": {"Row": row}}
    assert jsonschema_rs.validator_for(returns).is_valid([{"id": 1, "next": {"id": 2}}])
    assert all("outputSchema" not in tool for tool in offered.values()), "an API that differs from it would break clients"
    assert offered["remove_row"]["_meta"]["toolmesh/access"] == "dangerous"


def test_pages_are_asked_for_with_parameters_of_the_tool(offered: dict[str, dict[str, Any]]) -> None:
    old = offered["old_rows"]["inputSchema"]["properties"]
    assert old["skip"] == {"type": "integer", "description": "How many items to skip."}
    assert set(old) == {"skip", "jq"}, "and with a jq program, which its answers allow"
    assert offered["list_rows"]["inputSchema"]["properties"].keys() == {"jq"}, "the worker reads all pages"


def test_classes_come_from_access_and_method_and_the_operator_has_the_last_word(whole: Definition) -> None:
    classes = {tool.name: tool.access for tool in tools_of(whole)}
    assert classes == {
        "attach": "idempotent",
        "current": "read",
        "get_row": "read",
        "health": "read",
        "list_rows": "read",
        "old_rows": "read",
        "on": "idempotent",
        "picture": "read",
        "remove_row": "idempotent",
        "warm_rows": "read",
        "watch": "read",
    }
    said = {tool.name: tool.access for tool in tools_of(whole, classes={"attach": "write", "warm_rows": "write"})}
    assert (said["attach"], said["warm_rows"]) == ("write", "write")


@pytest.mark.parametrize(
    ("method", "access", "said", "call_class"),
    [
        ("POST", "write", None, "idempotent"),
        ("PATCH", "dangerous", None, "idempotent"),
        ("POST", None, None, "idempotent"),
        ("GET", "write", None, "idempotent"),
        ("GET", "read", None, "read"),
        ("PUT", "write", None, "idempotent"),
        ("POST", "write", "write", "write"),
    ],
)
def test_an_idempotency_key_lets_the_mesh_run_a_call_twice_and_nobody_else(
    tmp_path: Path, method: str, access: str | None, said: Any, call_class: str
) -> None:
    text = f"{{method: {method}, path: /a, description: A, idempotency: {{header: Idempotency-Key}}"
    text += f", access: {access}}}" if access else "}"
    (found,) = tools_of(loaded(tmp_path, tool(text)), classes={"x": said} if said else {})
    assert found.access == call_class
    assert is_keyed(found)
    hints = msgspec.json.decode(found.definition)["annotations"]
    assert hints["idempotentHint"] is (call_class == "read")
    assert Tool("default", "wx", found).listed["annotations"]["idempotentHint"] is (call_class == "read")


@pytest.mark.parametrize(
    ("method", "access", "read_only", "destructive", "idempotent"),
    [
        ("GET", "read", True, False, True),
        ("GET", None, True, False, True),
        ("GET", "dangerous", False, True, False),
        ("POST", "read", True, False, True),
        ("POST", "write", False, False, False),
        ("POST", "admin", False, False, False),
        ("POST", "dangerous", False, True, False),
        ("POST", "secret", False, True, False),
        ("POST", None, False, True, False),
        ("PUT", "write", False, False, True),
        ("PATCH", "write", False, False, False),
        ("DELETE", "write", False, True, True),
    ],
)
def test_annotations(
    tmp_path: Path, method: str, access: str | None, read_only: bool, destructive: bool, idempotent: bool
) -> None:
    said = f"access: {access}, " if access else ""
    (found,) = tools_of(loaded(tmp_path, tool(f"{{method: {method}, path: /a, {said}description: A}}")))
    assert msgspec.json.decode(found.definition)["annotations"] == {
        "readOnlyHint": read_only,
        "destructiveHint": destructive,
        "idempotentHint": idempotent,
        "openWorldHint": True,
    }


def test_a_health_tool_of_the_files_own_wins(tmp_path: Path) -> None:
    plain = backend("health: {path: /up}")
    assert [tool.name for tool in tools_of(loaded(tmp_path, plain))] == ["health", "now"]
    hidden = backend("health: {path: /up, expose: false}")
    assert [tool.name for tool in tools_of(loaded(tmp_path, hidden))] == ["now"]
    own = plain.replace("    now: {", "    health: {")
    (found,) = tools_of(loaded(tmp_path, own))
    assert msgspec.json.decode(found.definition)["description"] == "Latest"


def test_the_same_file_gives_the_same_definitions(tmp_path: Path) -> None:
    assert tools_of(loaded(tmp_path, PLAIN)) == tools_of(loaded(tmp_path, PLAIN))


def test_the_backend_says_of_itself_what_it_is_and_how_it_is_used(whole: Definition) -> None:
    said = msgspec.json.decode(introduction(whole))
    assert said["serverInfo"] == {"name": "wx", "version": "1.2.0-beta"}
    assert said["instructions"].startswith("A weather station\n\nExample: Warm rooms. Find and switch on\nconst rows")


def test_examples_that_are_too_long_are_left_out_of_what_it_says(tmp_path: Path) -> None:
    examples = ", ".join(f"{{name: E{n}, description: D, code: 'return {'1' * 3000}'}}" for n in range(4))
    said = msgspec.json.decode(introduction(loaded(tmp_path, backend(f"examples: [{examples}]"))))
    assert len(said["instructions"]) < 8_100
    assert "E1" in said["instructions"]
    assert "E2" not in said["instructions"]
