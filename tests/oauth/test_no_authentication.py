"""`TOOLMESH_AUTH=none`: without a credential one may do what the rule `anonymous` says; with a wrong one nothing."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edge.oauth.secret_tokens import new_family, new_token
from shared.grants import ACCESS
from tests.mesh import API_KEY, Mesh, mesh, wait_until
from tests.oauth.house import House
from tests.oauth.traces import assert_in_no_log, records, refused
from tests.own_tools import OF_NOBODY, OWN

BOB_KEY = "a-key-of-bob-0123456789"
RULES = """
anonymous: {allow: ['echo_echo', 'echo_time']}
plans:
  free: {allow: ['echo_add']}
"""
ECHO: dict[str, Any] = {"name": "echo_echo", "arguments": {"message": "from nobody"}}
ADD: dict[str, Any] = {"name": "echo_add", "arguments": {"a": 1, "b": 2}}


@pytest.fixture(scope="module")
def open_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with mesh(
        tmp_path_factory.mktemp("open"),
        TOOLMESH_AUTH="none",
        TOOLMESH_AUTH_PASSWORD="the owner's own password",
        TOOLMESH_STRANGERS_RECORDED_PER_S_MAX="100000",
    ) as running:
        (running.config / "authorization.yaml").write_text(RULES)
        digest = hashlib.sha256(BOB_KEY.encode()).hexdigest()
        (running.config / "apikeys.yaml").write_text(f"keys:\n  - {{user_id: bob, plan: free, key_sha256: {digest}}}\n")
        edge = running.start_edge()
        running.start_worker()
        running.wait_for_tools(edge, "echo_add", "echo_echo", "echo_time")
        yield House(running, edge, edge)


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20) as found:
        yield found


def ask(
    house: House, http: httpx2.Client, method: str, params: dict[str, Any], authorization: str | None, path: str = "/mcp"
) -> httpx2.Response:
    """A request; without a credential where none is named."""
    headers = {**house.a.headers(method, params.get("name")), "Authorization": authorization}
    found = {name: value for name, value in headers.items() if value is not None}
    return http.post(house.url + path, content=house.a.body(method, params), headers=found)


def names(house: House, http: httpx2.Client, authorization: str | None) -> list[str]:
    answer = ask(house, http, "tools/list", {}, authorization)
    assert answer.status_code == 200, answer.text
    return [tool["name"] for tool in answer.json()["result"]["tools"]]


def test_without_a_credential_one_does_what_the_rule_allows(open_house: House, http: httpx2.Client) -> None:
    assert names(open_house, http, None) == sorted({"echo_echo", "echo_time", *OF_NOBODY})
    answer = ask(open_house, http, "tools/call", ECHO, None)
    assert answer.json()["result"]["content"][0]["text"] == "from nobody"
    inner = ask(open_house, http, "tools/call", {**ECHO, "name": "echo"}, None, "/mcp/b/echo")
    assert inner.json()["result"]["content"][0]["text"] == "from nobody"
    hello = ask(open_house, http, "server/discover", {}, None)
    assert hello.status_code == 200
    wait_until(
        lambda: any(r["subject"] == "anonymous" and r["phase"] == "outcome" for r in records(open_house)), "a record"
    )


def test_what_the_rule_does_not_allow_looks_as_if_it_was_not_there(open_house: House, http: httpx2.Client) -> None:
    said = []
    for name in ("echo_add", "echo_nothing"):
        with refused(open_house, "unknown_tool"):
            answer = ask(open_house, http, "tools/call", {**ADD, "name": name}, None)
        said.append((answer.status_code, answer.text.replace(name, "NAME")))
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("authorization", "presented"),
    [
        pytest.param("Bearer " + new_token(ACCESS, new_family()), True, id="a token"),
        (f"Bearer {API_KEY}0", True),
        ("Bearer nobody's-key-at-all", True),
        (f"Bearer {BOB_KEY[:-1]}", True),
        (f"Basic {API_KEY}", False),
        ("Bearer", False),
        ("", False),
    ],
)
def test_a_wrong_credential_is_refused_and_never_taken_for_none(
    open_house: House, http: httpx2.Client, authorization: str, presented: bool
) -> None:
    with refused(open_house, "unauthenticated"):
        answer = ask(open_house, http, "tools/call", ECHO, authorization)
    assert answer.status_code == 401
    problem = 'error="invalid_token", error_description="The access token' if presented else "resource_metadata="
    assert answer.headers["www-authenticate"].startswith(f"Bearer {problem}")
    assert answer.headers["www-authenticate"].endswith(
        f'resource_metadata="{open_house.url}/.well-known/oauth-protected-resource/mcp"'
    ), "there is nothing to ask a scope for"
    assert_in_no_log(open_house, authorization.partition(" ")[2])


def test_a_credential_that_is_known_is_its_owner_s(open_house: House, http: httpx2.Client) -> None:
    assert names(open_house, http, f"Bearer {BOB_KEY}") == sorted({"echo_add", *OWN})
    assert names(open_house, http, f"Bearer {API_KEY}") == sorted({"echo_add", "echo_echo", "echo_time", *OWN})


def test_a_token_in_the_url_does_not_make_one_anonymous(open_house: House, http: httpx2.Client) -> None:
    with refused(open_house, "unauthenticated"):
        answer = ask(open_house, http, "tools/call", ECHO, None, "/mcp?access_token=something-secret")
    assert answer.status_code == 401
    assert_in_no_log(open_house, "something-secret")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/authorize"),
        ("GET", "/login"),
        ("GET", "/consent"),
        ("POST", "/token"),
        ("POST", "/revoke"),
        ("POST", "/register"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/oauth-authorization-server/mcp"),
        ("GET", "/.well-known/openid-configuration"),
    ],
)
def test_there_is_nothing_to_log_in_at(open_house: House, http: httpx2.Client, method: str, path: str) -> None:
    """A client that found such an endpoint would send its person there."""
    answer = http.request(method, open_house.url + path)
    assert answer.status_code == 404
    assert path not in answer.headers.get("location", "")


def test_the_metadata_names_no_authorization_server(open_house: House, http: httpx2.Client) -> None:
    for path in ("", "/mcp", "/mcp/b/echo"):
        answer = http.get(f"{open_house.url}/.well-known/oauth-protected-resource{path}")
        assert (answer.status_code, answer.json()["resource"]) == (200, open_house.url + (path or "/mcp"))
        assert not answer.json().keys() & {"authorization_servers", "scopes_supported"}


def test_tools_say_who_may_call_them(open_house: House, http: httpx2.Client) -> None:
    for authorization in (None, f"Bearer {API_KEY}"):
        tools = ask(open_house, http, "tools/list", {}, authorization).json()["result"]["tools"]
        said = {tool["name"]: tool["securitySchemes"][0]["type"] for tool in tools}
        assert all(tool["_meta"]["securitySchemes"] == tool["securitySchemes"] for tool in tools)
        expected = dict.fromkeys(("echo_echo", "echo_time", *OF_NOBODY), "noauth")
        others = dict.fromkeys(("echo_add", *(OWN - OF_NOBODY)), "oauth2")
        assert said == (expected if authorization is None else {**expected, **others})


def test_it_is_said_loudly_at_the_start(open_house: House) -> None:
    said = open_house.running.edges[0][0].output()
    assert any("warning" in line and "TOOLMESH_AUTH" in line for line in said.splitlines())


def test_a_rule_that_is_taken_away_lets_nobody_in_any_more(open_house: House, http: httpx2.Client) -> None:
    file = open_house.running.config / "authorization.yaml"
    file.write_text(RULES.replace("anonymous:", "_nobody:"))
    try:
        wait_until(lambda: ask(open_house, http, "tools/list", {}, None).status_code == 401, "nobody is let in")
        with refused(open_house, "unauthenticated"):
            assert ask(open_house, http, "tools/call", ECHO, None).status_code == 401
        assert names(open_house, http, f"Bearer {BOB_KEY}") == sorted({"echo_add", *OWN})
    finally:
        file.write_text(RULES)
    wait_until(lambda: ask(open_house, http, "tools/list", {}, None).status_code == 200, "the rule counts again")


@pytest.mark.parametrize("rules", [None, "plans: {free: {allow: ['**']}}\n"])
def test_without_such_a_rule_no_role_starts(tmp_path: Path, rules: str | None) -> None:
    running = Mesh(tmp_path, TOOLMESH_AUTH="none")
    try:
        if rules is not None:
            (running.config / "authorization.yaml").write_text(rules)
        with pytest.raises(AssertionError, match="ended"):
            running.start_edge()
        said = running.edges[0][0].output()
        assert "anonymous: {allow: ['echo_*']}" in said
        assert "TOOLMESH_AUTH" in said
        assert running.edges[0][0].stop() == 2
    finally:
        running.close()
