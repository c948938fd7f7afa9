"""What a token may be used for: what is listed says so, and what goes beyond it is answered with the way to more."""

import json
from typing import Any

import pytest

from tests.mesh import API_KEY
from tests.oauth.recorded import Recorded
from tests.oauth.traces import assert_in_no_log, refused

LEGACY, MODERN = "2025-11-25", "2026-07-28"
CALL: dict[str, Any] = {"name": "up_touch", "arguments": {"uri": "note://must-never-arrive"}}
PLAIN = {"name": "touch", "arguments": CALL["arguments"]}
NEEDED = "tools:read tools:write"
DESCRIPTION = "The access token does not have the scope that this needs"
CHATGPT = {"io.modelcontextprotocol/clientInfo": {"name": "openai-mcp", "version": "1.0.0"}}


def token_of(recorded: Recorded, scope: str, path: str = "/mcp", username: str = "ada") -> str:
    """A token for that resource with these scopes."""
    client = recorded.house.client()
    client.resource = recorded.house.url + path
    tokens = recorded.house.tokens(client, username, scope=scope)
    assert tokens["scope"] == scope
    return tokens["access_token"]


@pytest.fixture(scope="module")
def reading(recorded: Recorded) -> str:
    return token_of(recorded, "tools:read")


def metadata(recorded: Recorded, path: str = "/mcp") -> str:
    return f"{recorded.house.url}/.well-known/oauth-protected-resource{path}"


@pytest.mark.parametrize("path", ["/mcp", "/mcp/b/up"])
def test_every_tool_says_which_scope_it_takes_at_the_top_and_in_meta(recorded: Recorded, path: str) -> None:
    token = token_of(recorded, "tools:read", path)
    answer = recorded.post("tools/list", None, f"Bearer {token}", path)
    tools = {tool["name"]: tool for tool in answer.json()["result"]["tools"]}
    prefix = "up_" if path == "/mcp" else ""
    for own, scope in (("echo", "tools:read"), ("structured", "tools:write"), ("touch", "tools:write")):
        assert tools[prefix + own]["securitySchemes"] == [{"type": "oauth2", "scopes": [scope]}], own
    assert all(tool["_meta"]["securitySchemes"] == tool["securitySchemes"] for tool in tools.values())


@pytest.mark.parametrize(("path", "call"), [("/mcp", CALL), ("/mcp/b/up", PLAIN)])
def test_a_client_of_the_2026_era_is_told_by_status_and_challenge(
    recorded: Recorded, path: str, call: dict[str, Any]
) -> None:
    token = token_of(recorded, "tools:read", path)
    with refused(recorded.house, "insufficient_scope"):
        answer = recorded.post("tools/call", call, f"Bearer {token}", path)
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == (
        f'Bearer error="insufficient_scope", scope="{NEEDED}", resource_metadata="{metadata(recorded, path)}", '
        f'error_description="{DESCRIPTION}"'
    )
    error = answer.json()["error"]
    assert (error["code"], error["data"]["code"], error["data"]["scope"]) == (-32014, "insufficient_scope", NEEDED)
    assert_in_no_log(recorded.house, token)


@pytest.mark.parametrize(
    ("era", "how"),
    [
        (LEGACY, {}),
        (LEGACY, {"headers": {"User_Agent": "openai-mcp/1.0.0"}}),
        (MODERN, {"meta": CHATGPT}),
        (MODERN, {"headers": {"User_Agent": "openai-mcp/1.0.0 (ChatGPT)"}}),
    ],
)
def test_chatgpt_and_clients_of_the_2025_era_are_told_in_the_result(
    recorded: Recorded, reading: str, era: str, how: dict[str, Any]
) -> None:
    with refused(recorded.house, "insufficient_scope"):
        answer = recorded.post(
            "tools/call", CALL, f"Bearer {reading}", era=era, meta=how.get("meta"), **how.get("headers", {})
        )
    assert answer.status_code == 200
    assert "www-authenticate" not in answer.headers
    result = answer.json()["result"]
    assert result["isError"] is True
    assert result["content"][0]["text"].startswith("[insufficient_scope] This needs the scope tools:write")
    assert result["_meta"]["mcp/www_authenticate"] == [
        f'Bearer resource_metadata="{metadata(recorded)}", error="insufficient_scope", '
        f'error_description="{DESCRIPTION}", scope="{NEEDED}"'
    ]


@pytest.mark.parametrize("arguments", [{}, {"uri": 1}, {"uri": "x", "more": True}])
def test_the_scope_is_asked_before_the_arguments_are_looked_at(
    recorded: Recorded, reading: str, arguments: dict[str, Any]
) -> None:
    with refused(recorded.house, "insufficient_scope"):
        answer = recorded.post("tools/call", {"name": "up_touch", "arguments": arguments}, f"Bearer {reading}")
    assert answer.status_code == 403


def test_of_what_its_user_may_not_use_a_token_learns_no_scope(recorded: Recorded) -> None:
    """Bob's plan lets him read. That a tool that he may not use would need another scope would tell that it is there."""
    token = token_of(recorded, "tools:read", username="bob")
    for name in ("up_touch", "up_nothing"):
        with refused(recorded.house, "unknown_tool"):
            answer = recorded.post("tools/call", {**CALL, "name": name}, f"Bearer {token}")
        said = answer.json()
        assert (answer.status_code, said["error"]["code"]) == (200, -32602)
        assert said["error"]["message"] == f"Unknown tool: {name}"
        assert "www-authenticate" not in answer.headers


READS: list[tuple[str, dict[str, Any]]] = [
    ("tools/call", {"name": "up_echo", "arguments": {"message": "x"}}),
    ("prompts/get", {"name": "up_greet", "arguments": {"name": "you"}}),
    ("resources/read", {"uri": "up+note://counter"}),
    (
        "completion/complete",
        {"ref": {"type": "ref/prompt", "name": "up_greet"}, "argument": {"name": "name", "value": "a"}},
    ),
]


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_token_that_may_only_write_reads_nothing(recorded: Recorded, era: str) -> None:
    token = token_of(recorded, "tools:write")
    for method, params in READS:
        with refused(recorded.house, "insufficient_scope"):
            answer = recorded.post(method, params, f"Bearer {token}", era=era)
        as_result = era == LEGACY and method == "tools/call"
        assert answer.status_code == (200 if as_result else 403), method
        assert ("www-authenticate" in answer.headers) is not as_result
    assert recorded.post("tools/call", CALL, f"Bearer {token}").status_code == 200


def test_with_the_scope_it_is_done_and_a_key_needs_none(recorded: Recorded) -> None:
    token = token_of(recorded, "tools:read tools:write")
    for credential in (token, API_KEY):
        assert not recorded.post("tools/call", CALL, f"Bearer {credential}").json()["result"].get("isError")
        for method, params in READS:
            assert "result" in recorded.post(method, params, f"Bearer {credential}").json(), method


def test_the_setting_decides_for_all_clients(recorded: Recorded, reading: str) -> None:
    house = recorded.house
    hosts = house.url.removeprefix("http://")
    edge = house.running.start_edge(TOOLMESH_ISSUER=house.url, TOOLMESH_ALLOWED_HOSTS=hosts, TOOLMESH_STEP_UP="http_403")
    house.running.wait_for_tools(edge, "up_touch")
    for era, meta in ((MODERN, None), (MODERN, CHATGPT), (LEGACY, None)):
        with refused(house, "insufficient_scope"):
            answer = recorded.post("tools/call", CALL, f"Bearer {reading}", url=edge.url, era=era, meta=meta)
        assert answer.status_code == 403
    house.running.edges[-1][0].stop()


def test_no_token_ever_reaches_a_backend(recorded: Recorded) -> None:
    """Neither as a header nor in a body, whatever the client does with it; and neither does the name of its client."""
    client = recorded.house.client(client_name="A client by name")
    token = recorded.house.tokens(client)["access_token"]
    for era in (MODERN, LEGACY):
        for method, params in READS:
            answer = recorded.post(method, params, f"Bearer {token}", era=era, meta={"example.com/kept": "it got through"})
            assert "result" in answer.text, answer.text
    said = json.dumps(recorded.requests())
    assert "it got through" in said
    assert [secret for secret in (token, token[27:], API_KEY, client.client_id, "A client by name") if secret in said] == []
    names = {name for request in recorded.requests() for name, _ in request["headers"]}
    assert not names & {"authorization", "cookie", "x-api-key", "proxy-authorization"}
