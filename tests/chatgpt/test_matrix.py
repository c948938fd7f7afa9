"""The whole way from a pasted URL to a list of tools, as ChatGPT goes it: each way to open a connection by each way to be a
client by each way to authenticate, at two edges that take turns (docs/clients-on-the-wire.md, rows A to D).

Each cell is one test, because each step needs what the one before it brought.
"""

import pytest

from tests.chatgpt.connector import Connector
from tests.chatgpt.identities import CELLS, IDENTIFY
from tests.chatgpt.lint import complaints
from tests.chatgpt.log_in import decide, open_link, sent_back
from tests.chatgpt.stage import Stage
from tests.chatgpt.variants import VARIANTS, Variant
from tests.chatgpt.wire import result_of
from tests.mesh import wait_until
from tests.oauth.connections import assert_refused
from tests.oauth.person import Person

ELSEWHERE = "https://chatgpt.com/connector_platform_oauth_redirect/"
"""Not the registered redirect URI: one character more."""


@pytest.mark.parametrize(("way", "method"), CELLS, ids=[f"{way}-{method}" for way, method in CELLS])
@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_from_the_url_to_the_tools(at: Stage, ada: Person, variant: Variant, way: str, method: str) -> None:
    connector = Connector(at.wire(), variant, at.secrets)
    connector.find_out()
    connector.identify(IDENTIFY[way](connector.wire, at.documents, method))
    assert_bad_links_are_refused(connector, ada)
    assert decide(ada, connector.link(), "deny")["error"] == "access_denied"
    assert_a_code_counts_once(connector, ada)
    connector.log_in(ada)
    assert connector.tokens["scope"].split() == ["tools:read", "tools:write", "offline_access"]
    assert_it_introduces_itself(connector)
    assert_all_tools_can_be_used(connector)


def assert_bad_links_are_refused(connector: Connector, person: Person) -> None:
    """C: a page where the redirect URI is not the client's; else the agent is told."""
    answer = open_link(person, connector.link(redirect_uri=ELSEWHERE))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert answer.headers["content-type"].startswith("text/html")
    wrong: list[tuple[dict[str, str | None], str]] = [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"resource": f"{connector.wire.url}/"}, "invalid_target"),
    ]
    for changes, error in wrong:
        asked = connector.link(**changes)
        assert sent_back(open_link(person, asked), asked)["error"] == error, changes


def assert_a_code_counts_once(connector: Connector, person: Person) -> None:
    """D1, D2: brought again it gives nothing, and what it gave before is over."""
    asked = connector.link()
    code = decide(person, asked)["code"]
    connector.take(connector.exchange(asked, code))
    assert connector.send("tools/list").status_code == 200
    assert_refused(connector.exchange(asked, code), 400, "invalid_grant")
    wait_until(
        lambda: connector.send("tools/list").status_code == connector.send("tools/list").status_code == 401, "its end"
    )
    assert_refused(connector.refresh(), 400, "invalid_grant")


def assert_it_introduces_itself(connector: Connector) -> None:
    """D3, D5: the essentials come first in what a model reads of it."""
    said = connector.open()
    assert "tools" in said["capabilities"]
    assert "mesh_wait" in said["instructions"][:512]


def assert_all_tools_can_be_used(connector: Connector) -> None:
    """D4, D6: nothing in the list stops an agent, and the pages that tools are shown in can be read."""
    tools = connector.list()
    assert complaints(tools) == []
    names = {tool["name"] for tool in tools}
    assert {"up_echo", "up_chart", "echo_add", "mesh_wait", "mesh_more"} <= names
    assert {"odd_issues_create", "odd_choice", "odd_named", "odd_many"} <= names, "none is lost for what it was"
    pages = {uri for tool in tools if (uri := tool["_meta"].get("openai/outputTemplate"))}
    assert pages == {"ui://chart.html"}
    connector.list("resources")
    for uri in pages:
        (page,) = result_of(connector.send("resources/read", {"uri": uri}))["contents"]
        assert (page["mimeType"], "Chart" in page["text"]) == ("text/html;profile=mcp-app", True)
