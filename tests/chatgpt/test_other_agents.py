"""The same way, in short, for the other agents: from the URL over a log-in to a call, at two edges that take turns
(docs/clients-on-the-wire.md, "Other agents"). Those that are installed here come themselves, in `test_real_agents.py`."""

import httpx2
import pytest

from tests.chatgpt.agents import AGENTS, CLAUDE, Agent
from tests.chatgpt.connector import Connector
from tests.chatgpt.discovery import challenge_of, discover
from tests.chatgpt.lint import complaints
from tests.chatgpt.stage import Stage
from tests.chatgpt.variants import V1
from tests.chatgpt.wire import result_of
from tests.mesh import API_KEY
from tests.oauth.person import Person

PAGE = "http://localhost:6274"
"""The Inspector's own page, from which it asks an endpoint directly."""


def connector_of(at: Stage, agent: Agent) -> Connector:
    """One that has found out where to log in, and is a client."""
    found = Connector(at.wire(agent.user_agent), agent.variant, at.secrets, agent.user_agent)
    found.find_out()
    found.identify(agent.identify(found.wire, at.documents))
    return found


def assert_it_works(connector: Connector) -> None:
    connector.open()
    assert complaints(connector.list()) == []
    structured = result_of(connector.call("up_structured", {"city": "Oslo"}, headers=connector.session))
    assert structured["structuredContent"]["city"] == "Oslo"
    assert structured["content"][0]["type"] == "text", "for who reads nothing else"
    assert result_of(connector.call("up_echo", {"message": "hello"}))["content"][0]["text"] == "hello"


@pytest.mark.parametrize("agent", AGENTS, ids=[agent.name for agent in AGENTS])
def test_it_connects_lists_calls_and_renews(at: Stage, ada: Person, agent: Agent) -> None:
    connector = connector_of(at, agent)
    connector.log_in(ada)
    assert_it_works(connector)
    connector.take(connector.refresh())
    assert connector.list()


@pytest.mark.parametrize("typed", ["/mcp", "/mcp/", "/mcp/b/up", "/mcp/b/up/"])
def test_the_resource_is_the_url_as_it_was_typed(at: Stage, ada: Person, typed: str) -> None:
    """Claude compares them character by character, and takes the first authorization server alone."""
    agent = CLAUDE[0]
    connector = Connector(at.wire(agent.user_agent), agent.variant, at.secrets, agent.user_agent)
    url = at.url + typed
    connector.found = discover(connector.wire, connector.send("server/discover", token="", url=url), typed)
    assert connector.found.resource["resource"] == url
    connector.identify(agent.identify(connector.wire, at.documents))
    connector.log_in(ada)
    assert result_of(connector.send("tools/list", url=url))["tools"]
    elsewhere = "/mcp" if "/b/" in typed else "/mcp/b/up"
    assert challenge_of(connector.send("tools/list", url=at.url + elsewhere))["error"] == "invalid_token"


def test_claude_registers_anew_each_time_and_each_connection_is_its_own(at: Stage, ada: Person) -> None:
    agent = CLAUDE[1]
    first, second = connector_of(at, agent), connector_of(at, agent)
    assert first.identity.client_id != second.identity.client_id
    for connector in (first, second):
        connector.log_in(ada)
    gone = {"token": first.tokens["refresh_token"], "client_id": first.identity.client_id}
    assert first.wire.form(first.found.server["revocation_endpoint"], gone).status_code == 200
    assert_it_works(second)


def test_claude_code_with_a_key_in_a_header_needs_no_log_in(at: Stage) -> None:
    connector = Connector(at.wire("claude-code/2.1.0 (cli)"), V1, set(), "claude-code/2.1.0 (cli)")
    connector.tokens = {"access_token": API_KEY}
    assert_it_works(connector)


def test_a_scheme_that_nobody_allowed_is_told_at_registration(at: Stage) -> None:
    wanted = {"redirect_uris": ["windsurf://codeium.windsurf/oauth/callback"], "token_endpoint_auth_method": "none"}
    answer = at.wire().json(f"{at.url}/register", wanted)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
    assert "the operator allows" in answer.json()["error_description"]


# A web page that asks by itself.


def ask(at: Stage, method: str, url: str, **headers: str) -> httpx2.Response:
    named = {"Origin": PAGE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx2.request(method, url, headers=named, trust_env=False, verify=at.front.trust, timeout=30)


def assert_readable(answer: httpx2.Response) -> None:
    assert answer.headers["access-control-allow-origin"] in ("*", PAGE), answer.url
    assert "access-control-allow-credentials" not in answer.headers


def test_the_inspectors_page_may_ask_and_read_every_endpoint_of_the_way(at: Stage, ada: Person) -> None:
    (agent,) = [agent for agent in AGENTS if agent.redirect_uri.startswith(PAGE)]
    connector = connector_of(at, agent)
    connector.log_in(ada)
    server = connector.found.server
    asked = {
        f"{at.url}/mcp": "POST",
        f"{at.url}/.well-known/oauth-protected-resource/mcp": "GET",
        f"{at.url}/.well-known/oauth-authorization-server": "GET",
        f"{at.url}/.well-known/openid-configuration": "GET",
        server["registration_endpoint"]: "POST",
        server["token_endpoint"]: "POST",
        server["revocation_endpoint"]: "POST",
    }
    wanted = "authorization, content-type, mcp-protocol-version, mcp-session-id, mcp-method, mcp-name"
    for url, method in asked.items():
        before = ask(at, "OPTIONS", url, Access_Control_Request_Method=method, Access_Control_Request_Headers=wanted)
        assert (before.status_code, method in before.headers["access-control-allow-methods"]) == (204, True), url
        allowed = {name.strip().lower() for name in before.headers["access-control-allow-headers"].split(",")}
        assert "authorization" in allowed
        if url == f"{at.url}/mcp":
            assert set(wanted.split(", ")) <= allowed
        assert_readable(before)
        assert_readable(ask(at, method, url))
    refused = ask(at, "POST", f"{at.url}/mcp")
    exposed = {name.strip().lower() for name in refused.headers["access-control-expose-headers"].split(",")}
    assert (refused.status_code, {"www-authenticate", "mcp-session-id"} <= exposed) == (401, True)
    connector.open()
    answer = connector.send("tools/list", headers={"Origin": PAGE, **connector.session})
    assert_readable(answer)
    assert result_of(answer)["tools"]
