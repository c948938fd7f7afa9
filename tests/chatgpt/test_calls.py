"""Calls of ChatGPT's tools plane at two edges that take turns (docs/clients-on-the-wire.md, row E).

The plane has no session and never says hello. It makes one call after the other, cuts what takes long, and makes the same
call again.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.chatgpt.connector import Connector
from tests.chatgpt.request_meta import HEADERS, META, TRACES, of_conversation
from tests.chatgpt.stage import Stage
from tests.chatgpt.variants import V1, V3, VARIANTS, Variant
from tests.chatgpt.wire import answer_of, result_of
from tests.mesh import wait_until
from tests.oauth.person import Person
from tests.oauth.traces import assert_in_no_log, records

CUT_S = 0.5
"""In place of ChatGPT's 60 s."""
RESULT_CHARS_MAX = 30_000
Connected = Callable[[Variant], Connector]
ERAS = pytest.mark.parametrize("variant", [V1, V3], ids=["2026", "2025"])


@pytest.fixture(scope="module")
def connected(at: Stage, ada: Person) -> Connected:
    """One connector of ada for each way to open."""

    @cache
    def connect(variant: Variant) -> Connector:
        return at.connected(ada, variant)

    return connect


def finished(connector: Connector, answer: httpx2.Response) -> dict[str, Any]:
    """The result of a call, also when it was answered with a handle first, as a model that does what the handle says."""
    for _ in range(40):
        result = result_of(answer)
        said = result.get("structuredContent") or {}
        if said.get("status") != "running":
            return result
        assert "mesh_wait" in result["content"][0]["text"]
        answer = connector.call("mesh_wait", {"call_id": said["callId"], "max_wait_s": 1})
    raise AssertionError("the call has no end")


def text_of(result: dict[str, Any]) -> str:
    assert not result.get("isError"), result
    return str(result["content"][0]["text"])


def cut(connector: Connector, name: str, arguments: dict[str, Any], meta: dict[str, Any]) -> None:
    """A call that the client gives up before it is answered."""
    with pytest.raises(httpx2.ReadTimeout):
        connector.call(name, arguments, meta=meta, wait_s=CUT_S)


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_a_call_with_all_that_chatgpt_sends_is_answered_and_none_of_it_gets_anywhere(
    at: Stage, connected: Connected, variant: Variant
) -> None:
    message = f"hello by {variant.name}"
    before = len(records(at.front.house))
    answer = connected(variant).call("up_echo", {"message": message}, meta=META, headers=HEADERS)
    assert answer.headers["content-type"] == "application/json"
    assert text_of(result_of(answer)) == message
    assert at.calls(message) == 1
    wait_until(lambda: len(records(at.front.house)) > before, "the call is recorded")
    everywhere = at.file.read_text() + json.dumps(records(at.front.house), default=repr)
    assert [trace for trace in TRACES if trace in everywhere] == []
    assert_in_no_log(at.front.house, *TRACES)


@pytest.mark.parametrize("edge", [0, 1])
def test_a_call_of_the_2025_era_needs_no_hello_and_no_session_at_any_edge(
    at: Stage, connected: Connected, edge: int
) -> None:
    connector = connected(V3)
    assert connector.session, "it was given one"
    answer = connector.call("up_echo", {"message": "straight"}, url=at.edges[edge].mcp_url)
    assert "mcp-session-id" not in answer.headers
    assert text_of(result_of(answer)) == "straight"


@ERAS
def test_a_tool_that_is_listed_otherwise_than_its_backend_has_it_is_called_as_it_is_listed(
    connected: Connected, variant: Variant
) -> None:
    tools = {tool["name"]: tool for tool in connected(variant).list()}
    (needed,) = tools["odd_named"]["inputSchema"]["required"]
    for name, arguments, meant in (
        ("odd_issues_create", {}, {"tool": "issues.create", "arguments": {}}),
        ("odd_named", {needed: "ada"}, {"tool": "named", "arguments": {"user name": "ada"}}),
    ):
        said = text_of(result_of(connected(variant).call(name, arguments, meta=META)))
        assert json.loads(said) == meant


@ERAS
def test_calls_come_one_after_the_other_and_to_any_edge(at: Stage, connected: Connected, variant: Variant) -> None:
    before = at.front.counts()
    answers = [connected(variant).call("up_echo", {"message": f"serial {n}"}, f"call-{n}", meta=META) for n in range(3)]
    assert [answer_of(answer)["id"] for answer in answers] == ["call-0", "call-1", "call-2"]
    assert [text_of(result_of(answer)) for answer in answers] == ["serial 0", "serial 1", "serial 2"]
    assert all(after > edge for after, edge in zip(at.front.counts(), before, strict=True))


@ERAS
def test_a_call_that_would_be_cut_is_answered_with_a_handle_before(
    at: Stage, connected: Connected, variant: Variant
) -> None:
    steps = {"steps": 1, "step_ms": 1700}
    answer = connected(variant).call("up_slow_progress", steps, meta=of_conversation(f"handle {variant.name}"))
    said = result_of(answer)
    assert (said["isError"], said["structuredContent"]["status"]) == (False, "running")
    assert text_of(finished(connected(variant), answer)) == "1 steps"


@ERAS
@pytest.mark.parametrize(("tool", "arguments"), [("sleep", {"ms": 1600}), ("slow_progress", {"steps": 1, "step_ms": 1600})])
def test_a_call_that_was_cut_and_made_again_is_the_same_call(
    at: Stage, connected: Connected, variant: Variant, tool: str, arguments: dict[str, Any]
) -> None:
    connector = connected(variant)
    meta = of_conversation(f"again {tool} {variant.name}")
    before = at.calls(f'"{tool}"')
    cut(connector, f"up_{tool}", arguments, meta)
    result = finished(connector, connector.call(f"up_{tool}", arguments, meta=meta))
    assert text_of(result) in ("slept", "1 steps")
    assert result["_meta"]["toolmesh/call"]["attached"] is True
    assert at.calls(f'"{tool}"') == before + 1


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_a_result_that_is_too_long_is_read_page_by_page_at_any_edge(
    at: Stage, connected: Connected, variant: Variant
) -> None:
    """By a model that does what the note on each page says. Nothing is run again for it."""
    mark = f"line by {variant.name}"
    text = "".join(f"{mark}, {number}\n" for number in range(3_000))
    result = result_of(connected(variant).call("up_echo", {"message": text}, meta=META))
    read = ""
    while True:
        assert sum(len(block["text"]) for block in result["content"]) <= RESULT_CHARS_MAX
        *blocks, note = result["content"]
        read += "".join(block["text"] for block in blocks)
        cursor = result["_meta"]["toolmesh/page"].get("cursor")
        if cursor is None:
            break
        assert all(said in note["text"] for said in ("mesh_more", cursor))
        result = result_of(connected(variant).call("mesh_more", {"cursor": cursor}))
    assert (read == text, len(text) > 2 * RESULT_CHARS_MAX) == (True, True)
    assert at.calls(mark) == 1


def test_a_read_whose_client_left_is_stopped_in_the_2026_era(at: Stage, connected: Connected, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    cut(connected(V1), "up_sleep", {"ms": 60_000, "cancelled_path": str(stopped)}, of_conversation("left"))
    wait_until(stopped.exists, "the call is cancelled at the backend")


def test_a_call_whose_client_left_goes_on_in_the_2025_era_and_its_result_is_kept(
    at: Stage, connected: Connected, tmp_path: Path
) -> None:
    connector, meta = connected(V3), of_conversation("left behind")
    arguments = {"steps": 1, "step_ms": 900}
    before = at.calls('"slow_progress"')
    cut(connector, "up_slow_progress", arguments, meta)
    result = finished(connector, connector.call("up_slow_progress", arguments, meta=meta))
    assert (text_of(result), result["_meta"]["toolmesh/call"]["attached"]) == ("1 steps", True)
    assert at.calls('"slow_progress"') == before + 1


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
@pytest.mark.parametrize("name", ["up_no_such_tool", "search", "up.echo", "", "x" * 200])
def test_a_tool_that_is_not_there_is_an_error_of_the_protocol(connected: Connected, variant: Variant, name: str) -> None:
    answer = connected(variant).call(name, {})
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert said["id"] == "call-1"
    assert said["error"]["code"] in (-32602, -32020), said


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_who_may_only_read_is_told_in_the_result_what_to_ask_for_and_then_writes(
    at: Stage, ada: Person, variant: Variant, tmp_path: Path
) -> None:
    connector = at.connector(variant)
    connector.log_in(ada, scope="tools:read offline_access")
    connector.open()
    file = tmp_path / "written"
    line = {"path": str(file), "text": "once"}
    told = result_of(connector.call("up_write_line", line))
    assert told["isError"] is True
    assert told["content"][0]["type"] == "text"
    (challenge,) = told["_meta"]["mcp/www_authenticate"]
    parts = dict(part.split("=", 1) for part in challenge.removeprefix("Bearer ").split(", "))
    assert parts["error"] == '"insufficient_scope"'
    assert parts["error_description"]
    assert parts["resource_metadata"] == f'"{connector.found.challenge["resource_metadata"]}"'
    assert not file.exists()
    connector.log_in(ada, scope=parts["scope"].strip('"'))
    assert text_of(result_of(connector.call("up_write_line", line))) == "written"
    assert file.read_text() == "once\n"
