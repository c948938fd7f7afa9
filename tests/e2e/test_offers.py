"""Prompts, resources, completion of several backends: prefixed at `/mcp`, with their own names at `/mcp/b/{backend}`."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.client import MODERN, Client
from tests.e2e.upstream import upstream
from tests.mesh import mesh, wait_until

LEGACY = "2025-11-25"
ERAS = [MODERN, LEGACY]
BACKENDS = ["new_one", "old"]
"""A backend that speaks both eras, and one that speaks the older one only."""


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An edge with two like backends of different ages."""
    directory: Path = tmp_path_factory.mktemp("offers")
    with ExitStack() as stack:
        new = stack.enter_context(upstream(directory))
        old = stack.enter_context(upstream(directory, "--era", "legacy"))
        entries = "backends:\n" + new.entry("new_one") + old.entry("old")
        running = stack.enter_context(mesh(directory, entries, TOOLMESH_DIRECT_TOOLS="1000"))
        running.start_worker()
        client = running.start_edge()
        wait_until(lambda: set(BACKENDS) <= {n.rpartition("_")[0] for n in listed(client, "prompts")}, "both are listed")
        yield client


def ask(edge: Client, method: str, params: dict[str, Any] | None = None, era: str = MODERN, path: str = "/mcp") -> Any:
    """The JSON-RPC response of a request."""
    given = params or {}
    name = given.get("name", given.get("uri"))
    return edge.post(edge.body(method, params, era=era), edge.headers(method, name, era), path).json()


def listed(edge: Client, kind: str, era: str = MODERN, path: str = "/mcp") -> list[str]:
    method = "resources/templates/list" if kind == "resourceTemplates" else f"{kind}/list"
    key = {"resources": "uri", "resourceTemplates": "uriTemplate"}.get(kind, "name")
    return [item[key] for item in ask(edge, method, era=era, path=path)["result"][kind]]


@pytest.mark.parametrize("era", ERAS)
def test_everything_of_all_backends_is_listed_with_a_prefix_and_in_order(edge: Client, era: str) -> None:
    assert listed(edge, "prompts", era) == ["new_one_greet", "old_greet"]
    assert listed(edge, "resources", era) == [
        *("new.one+note://counter", "new.one+note://other", "old+note://counter", "old+note://other"),
    ]
    assert listed(edge, "resourceTemplates", era) == ["new.one+note://item/{item_id}", "old+note://item/{item_id}"]
    assert {"echo_add", "new_one_echo", "old_echo"} <= set(listed(edge, "tools", era))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_one_backend_has_an_endpoint_where_nothing_is_prefixed(edge: Client, backend: str, era: str) -> None:
    path = f"/mcp/b/{backend}"
    assert listed(edge, "prompts", era, path) == ["greet"]
    assert listed(edge, "resources", era, path) == ["note://counter", "note://other"]
    assert listed(edge, "resourceTemplates", era, path) == ["note://item/{item_id}"]
    tools = listed(edge, "tools", era, path)
    assert "echo" in tools
    assert not [name for name in tools if name.startswith((f"{backend}_", "echo_"))]
    answer = ask(edge, "tools/call", {"name": "add", "arguments": {"a": 2, "b": 3}}, era, path)
    assert answer["result"]["content"][0]["text"] == "5"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_prompt_is_got_by_its_prefixed_name_and_by_its_own(edge: Client, backend: str, era: str) -> None:
    for path, name in (("/mcp", f"{backend}_greet"), (f"/mcp/b/{backend}", "greet")):
        answer = ask(edge, "prompts/get", {"name": name, "arguments": {"name": "Ada"}}, era, path)
        assert answer["result"]["messages"][0]["content"]["text"] == "Greet Ada."


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resource_is_read_by_its_prefixed_uri_and_is_called_so_in_the_answer(
    edge: Client, backend: str, era: str
) -> None:
    prefix = backend.replace("_", ".") + "+"
    for uri, text in ((f"{prefix}note://other", "other"), (f"{prefix}note://item/7", "item 7")):
        (found,) = ask(edge, "resources/read", {"uri": uri}, era)["result"]["contents"]
        assert (found["uri"], found["text"]) == (uri, text)
    (found,) = ask(edge, "resources/read", {"uri": "note://other"}, era, f"/mcp/b/{backend}")["result"]["contents"]
    assert (found["uri"], found["text"]) == ("note://other", "other")


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_read_in_the_2026_era_says_how_it_may_be_cached(edge: Client, backend: str) -> None:
    uri = f"{backend.replace('_', '.')}+note://other"
    result = ask(edge, "resources/read", {"uri": uri})["result"]
    assert (result["resultType"], result["cacheScope"]) == ("complete", "private")
    assert isinstance(result["ttlMs"], int)


def test_a_link_that_a_tool_gave_is_found_among_what_is_listed(edge: Client) -> None:
    (found,) = ask(edge, "resources/read", {"uri": "note://other"})["result"]["contents"]
    assert found["text"] == "other"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_argument_is_completed(edge: Client, backend: str, era: str) -> None:
    argument = {"name": "name", "value": "a"}
    for path, name in (("/mcp", f"{backend}_greet"), (f"/mcp/b/{backend}", "greet")):
        asked = {"ref": {"type": "ref/prompt", "name": name}, "argument": argument}
        assert ask(edge, "completion/complete", asked, era, path)["result"]["completion"]["values"] == ["ada", "alan"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("prompts/get", {"name": "greet"}),
        ("prompts/get", {"name": "echo_greet"}),
        ("prompts/get", {"name": ""}),
        ("resources/read", {"uri": "nobody+note://other"}),
        ("resources/read", {"uri": "note://nowhere"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "n", "value": ""}}),
        ("completion/complete", {"ref": {"type": "ref/other", "name": "x"}, "argument": {"name": "n", "value": ""}}),
        ("completion/complete", {"ref": 1, "argument": {"name": "n", "value": ""}}),
        ("prompts/list", {"cursor": "not ours"}),
        ("resources/list", {"cursor": 7}),
    ],
)
def test_what_there_is_not_is_invalid_params(edge: Client, era: str, method: str, params: dict[str, Any]) -> None:
    assert ask(edge, method, params, era)["error"]["code"] == -32602


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_of_the_backend_is_relayed_as_it_is(edge: Client, backend: str) -> None:
    direct = ask(edge, "prompts/get", {"name": "greet", "arguments": {"wrong": "x"}}, LEGACY, f"/mcp/b/{backend}")
    assert direct["error"]["message"]
    assert "call_id" not in str(direct["error"].get("data"))


def test_an_endpoint_of_a_backend_that_there_is_not_is_not_found(edge: Client) -> None:
    for path in ("/mcp/b/nobody", "/mcp/b/", "/mcp/b/new_one/x", "/mcp/b/..%2fnew_one"):
        answer = edge.post(edge.body("tools/list"), edge.headers("tools/list"), path)
        assert answer.status_code == 404, path


def test_a_backend_introduces_itself_in_its_own_words(edge: Client) -> None:
    for era, method in ((MODERN, "server/discover"), (LEGACY, "initialize")):
        hello = {"protocolVersion": era, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        own = ask(edge, method, hello if era == LEGACY else None, era, "/mcp/b/old")["result"]
        info = own.get("serverInfo") or own["_meta"]["io.modelcontextprotocol/serverInfo"]
        assert info["name"] == "everything"
        all_of_them = ask(edge, method, hello if era == LEGACY else None, era)["result"]
        assert "toolmesh" in str(all_of_them)
        assert {"tools", "prompts", "resources", "completions"} <= set(all_of_them["capabilities"])
