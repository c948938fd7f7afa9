"""Who may use what, from the file to what a client sees: lists, refusals, changes of the rules, and workers that differ."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.listening import acknowledged, listening
from tests.e2e.ruled_mesh import KEYS, RULES, Ruled, ruled_mesh
from tests.mesh import Mesh, wait_until
from tests.oauth.traces import records, refused
from tests.own_tools import OWN

MODERN, LEGACY = "2026-07-28", "2025-11-25"
ERAS = pytest.mark.parametrize("era", [MODERN, LEGACY])


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ruled]:
    with ruled_mesh(tmp_path_factory.mktemp("ruled")) as found:
        yield found


def names(answer: httpx2.Response, kind: str, member: str) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {item[member] for item in answer.json()["result"][kind]}


LISTS = (
    ("tools/list", "tools", "name"),
    ("prompts/list", "prompts", "name"),
    ("resources/list", "resources", "uri"),
    ("resources/templates/list", "resourceTemplates", "uriTemplate"),
)


@ERAS
def test_users_see_different_lists_at_the_same_endpoints(ruled: Ruled, era: str) -> None:
    seen: dict[str, list[set[str]]] = {
        user: [names(ruled.ask(user, method, {}, era=era), kind, member) for method, kind, member in LISTS] for user in KEYS
    }
    tools, prompts, resources, templates = seen["ada"]
    assert {"up_echo", "up_fail", "echo_time", "mesh_wait"} <= tools
    assert not tools & {"up_touch", "up_write_line", "echo_echo", "echo_add"}
    assert (prompts, templates) == ({"up_greet"}, {"up+note://item/{item_id}"})
    assert resources == {"up+note://counter", "up+note://other"}
    # What a rule denies is denied, also what another one allows by its name.
    assert seen["bob"] == [{"echo_add", "echo_echo", "echo_time", *OWN}, set(), set(), set()]
    assert seen["eve"] == [OWN, set(), set(), set()]
    inner = names(ruled.ask("ada", "tools/list", {}, "/mcp/b/up", era), "tools", "name")
    assert {f"up_{name}" for name in inner} == {name for name in tools if name.startswith("up_")}
    assert names(ruled.ask("ada", "tools/list", {}, "/mcp/b/echo", era), "tools", "name") == {"time"}


def test_the_owner_sees_and_may_use_everything(ruled: Ruled) -> None:
    found = set(ruled.a.tool_names())
    assert {"up_touch", "up_write_line", "up_echo", "echo_add"} <= found
    assert ruled.b.succeeds("up_touch", {"uri": "note://counter"})


def test_a_list_is_for_no_shared_cache(ruled: Ruled) -> None:
    for method, _, _ in LISTS:
        answer = ruled.ask("ada", method, {})
        assert answer.json()["result"]["cacheScope"] == "private"


def call(name: str, /, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def completion(**ref: str) -> dict[str, Any]:
    return {"ref": ref, "argument": {"name": "name", "value": "a"}}


PAIRS: dict[str, tuple[str, str, str, dict[str, Any], str, str]] = {
    "a tool": ("ada", "/mcp", "tools/call", call("up_touch", uri="x"), "up_touch", "up_tough"),
    "a tool with wrong arguments": ("ada", "/mcp", "tools/call", call("up_touch", x=1), "up_touch", "up_tough"),
    "a tool of a backend that one may enter": ("ada", "/mcp", "tools/call", call("echo_add", a=1), "echo_add", "echo_odd"),
    "a tool of a backend that one may not enter": ("eve", "/mcp", "tools/call", call("up_echo"), "up_echo", "uq_echo"),
    "a tool at its own endpoint": ("ada", "/mcp/b/up", "tools/call", call("touch", uri="x"), "touch", "tough"),
    "a prompt": ("bob", "/mcp", "prompts/get", call("up_greet", name="x"), "up_greet", "up_meets"),
    "a resource": ("bob", "/mcp", "resources/read", {"uri": "up+note://counter"}, "up+", "uq+"),
    "a resource that is not prefixed": ("bob", "/mcp", "resources/read", {"uri": "note://other"}, "other", "outer"),
    "a completion of a prompt": (
        "bob",
        "/mcp",
        "completion/complete",
        completion(type="ref/prompt", name="up_greet"),
        "up_greet",
        "up_meets",
    ),
    "a completion of a template": (
        "bob",
        "/mcp",
        "completion/complete",
        completion(type="ref/resource", uri="up+note://item/{item_id}"),
        "up+",
        "uq+",
    ),
    "a backend": ("eve", "/mcp/b/up", "tools/call", call("echo"), "/mcp/b/up", "/mcp/b/uq"),
    "a backend's list": ("bob", "/mcp/b/up", "tools/list", {}, "/mcp/b/up", "/mcp/b/uq"),
}
"""By what it is about: who asks where for what; what is forbidden in it, and the like of it that is not there."""


def said_of(answer: httpx2.Response, subject: str) -> tuple[Any, ...]:
    """All that a client gets, without the name that it asked for itself."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    return answer.status_code, headers, answer.text.replace(subject, "SUBJECT")


@ERAS
@pytest.mark.parametrize("about", PAIRS)
def test_what_is_forbidden_looks_exactly_like_what_is_not_there(ruled: Ruled, about: str, era: str) -> None:
    user, path, method, params, forbidden, unknown = PAIRS[about]
    said = []
    for subject in (forbidden, unknown):
        asked = json.loads(json.dumps(params).replace(forbidden, subject))
        code = "unknown_endpoint" if path == forbidden else "unknown_tool" if method == "tools/call" else "invalid_params"
        with refused(ruled.house, code):
            answer = ruled.ask(user, method, asked, path.replace(forbidden, subject), era)
        said.append(said_of(answer, subject))
        assert "result" not in answer.json(), answer.text
    assert said[0] == said[1]


def test_what_may_not_be_read_may_not_be_followed_either(ruled: Ruled) -> None:
    with ruled.old("bob") as client:
        said = []
        for uri in ("up+note://counter", "uq+note://counter"):
            with refused(ruled.house, "invalid_params"):
                answer = client.post(client.request("resources/subscribe", {"uri": uri}))
            said.append(said_of(answer, uri))
        assert said[0] == said[1]
    asked = {"resourceSubscriptions": ["up+note://counter", "uq+note://counter"]}
    with listening(ruled.b, asked, api_key=KEYS["bob"]) as events:
        assert acknowledged(events) in ({}, {"resourceSubscriptions": []})


def test_another_rule_counts_within_a_moment_and_open_streams_are_told_to_list_again(ruled: Ruled) -> None:
    wider = RULES.replace("bob: {allow: ['up_echo']}", "bob: {allow: ['echo_nothing']}").replace(", deny: ['up_*']", "")
    with (
        listening(ruled.b, {"toolsListChanged": True, "promptsListChanged": True}, api_key=KEYS["bob"]) as events,
        ruled.old("bob") as client,
        client.listen(1) as stream,
    ):
        acknowledged(events)
        assert "up_echo" not in names(ruled.ask("bob", "tools/list", {}), "tools", "name")
        with ruled.rules(ruled.of_edges, wider, "edges"):
            told = {events.message()["method"] for _ in range(2)}
            assert told == {"notifications/tools/list_changed", "notifications/prompts/list_changed"}
            assert stream.message()["method"].endswith("/list_changed")
            for edge in (0, 1):
                tools = {tool["name"] for tool in client.result(client.request("tools/list"), edge)["tools"]}
                assert {"up_echo", "up_sleep", "echo_add"} <= tools
                assert "up_touch" not in tools
            assert names(ruled.ask("bob", "prompts/list", {}), "prompts", "name") == {"up_greet"}
        assert "up_echo" not in names(ruled.ask("bob", "tools/list", {}), "tools", "name")
        with refused(ruled.house, "unknown_tool"):
            ruled.ask("bob", "tools/call", call("up_echo", message="too late"))


@ERAS
@pytest.mark.parametrize("about", ["a tool", "a prompt", "a resource", "a completion of a prompt"])
def test_a_worker_refuses_what_its_own_rules_do_not_allow(ruled: Ruled, about: str, era: str) -> None:
    """The edges let ada do everything; the worker knows better, and to her it looks like what is not there."""
    _, path, method, params, forbidden, unknown = PAIRS[about]
    everything = RULES.replace("pro: {allow: ['up_*'], deny: ['up_touch', 'up_write_line']}", "pro: {allow: ['**']}")
    strict = RULES.replace("deny: ['up_touch', ", "deny: ['up_touch', 'up_greet', 'up_resources', ")
    assert len({RULES, everything, strict}) == 3
    with ruled.rules(ruled.of_edges, everything, "edges"), ruled.rules(ruled.of_worker, strict, "workers"):
        worker = ruled.running.workers[0]
        warned = worker.output().count("they read a different authorization.yaml")
        before = outcomes(ruled)
        refusal = ruled.ask("ada", method, params, path, era)
        wait_until(lambda: len(outcomes(ruled)) > len(before), "the audit says how it ended")
        record = outcomes(ruled)[len(before)]
        assert (record["code"], record["subject"]) == ("not_authorized", "ada")
        assert worker.output().count("they read a different authorization.yaml") == warned + 1
        not_there = json.loads(json.dumps(params).replace(forbidden, unknown))
        absent = ruled.ask("ada", method, not_there, path, era)
        assert said_of(refusal, forbidden) == said_of(absent, unknown)
        assert ruled.ask("ada", "tools/call", call("up_echo", message="ok")).json()["result"]["isError"] is False


def outcomes(ruled: Ruled) -> list[dict[str, Any]]:
    return [record for record in records(ruled.house) if record["phase"] == "outcome"]


BROKEN = RULES + "teams:\n  x: {allow: ['**']}\n"


def test_a_broken_file_keeps_the_last_good_rules_and_says_what_is_wrong(ruled: Ruled) -> None:
    files = {ruled.of_edges: [process for process, _ in ruled.running.edges], ruled.of_worker: ruled.running.workers}
    try:
        for file, processes in files.items():
            file.write_text(BROKEN)
            line = f"{file.name}:9: unknown key `teams`"
            for process in processes:
                wait_until(lambda process=process, line=line: line in process.output(), "the log says where")
        for user, sees in (("ada", True), ("bob", False)):
            assert ("up_echo" in names(ruled.ask(user, "tools/list", {}), "tools", "name")) is sees
        assert ruled.ask("ada", "tools/call", call("up_echo", message="x")).json()["result"]["isError"] is False
    finally:
        for file in files:
            file.write_text(RULES)


@pytest.mark.parametrize("role", ["edge", "worker"])
def test_no_role_starts_with_a_broken_file(tmp_path: Path, role: str) -> None:
    running = Mesh(tmp_path)
    try:
        (running.config / "authorization.yaml").write_text(BROKEN)
        with pytest.raises(AssertionError, match="ended"):
            running.start_edge() if role == "edge" else running.start_worker()
        process = running.edges[0][0] if role == "edge" else running.workers[0]
        assert "authorization.yaml:9: unknown key `teams`" in process.output()
        assert process.stop() == 2
    finally:
        running.close()


def test_without_a_file_the_owner_may_do_everything_and_nobody_else_anything(ruled: Ruled) -> None:
    ruled.of_edges.rename(kept := ruled.of_edges.with_suffix(".kept"))
    try:
        wait_until(lambda: tools_of_ada(ruled) == OWN, "no rule is left")
        assert "up_touch" in ruled.a.tool_names()
    finally:
        kept.rename(ruled.of_edges)
    wait_until(lambda: "up_echo" in tools_of_ada(ruled), "the rules are back")


def tools_of_ada(ruled: Ruled) -> set[str]:
    return names(ruled.ask("ada", "tools/list", {}), "tools", "name")
