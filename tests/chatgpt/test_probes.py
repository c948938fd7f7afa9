"""What ChatGPT sends beside the usual: before the first request, when the first one failed, after a long rest
(docs/clients-on-the-wire.md, rows A0, A4 and F4). Whatever it is, it is answered by a clean word, and nothing is worse
afterwards."""

import pytest

from tests.chatgpt.connector import Connector
from tests.chatgpt.discovery import challenge_of
from tests.chatgpt.identities import OWN, Identity, registered
from tests.chatgpt.stage import Stage
from tests.chatgpt.variants import V1
from tests.chatgpt.wire import result_of
from tests.mesh import wait_until
from tests.oauth.person import Person

BODIES = [b"", b"{}", b"[]", b"null", b'{"jsonrpc":"2.0"}', b'{"jsonrpc":"2.0","id":1,"method":""}', b"no JSON"]
STREAM = {"accept": "text/event-stream", "cache_control": "no-store"}


@pytest.fixture(scope="module")
def connector(at: Stage, ada: Person) -> Connector:
    return at.connected(ada)


@pytest.mark.parametrize("body", BODIES, ids=[body.decode()[:20] or "empty" for body in BODIES])
def test_a_body_that_says_nothing_is_refused_in_json(at: Stage, connector: Connector, body: bytes) -> None:
    """With and without a token; the connector that sent it goes on."""
    challenge_of(connector.wire.rpc(body))
    for edge in at.edges:
        answer = connector.wire.rpc(body, connector.authorization(), url=edge.mcp_url)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
        assert answer.json()["error"]["code"] in (-32700, -32600)
    assert result_of(connector.send("tools/list"))["tools"]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_who_asks_for_a_stream_is_told_to_log_in_or_that_there_is_none(connector: Connector, path: str) -> None:
    """A stream without a session there is not. What is said of the token must not depend on that: else a client whose token
    expired while nobody used it would never renew it."""
    url = f"{connector.wire.url}{path}"
    assert "error" not in challenge_of(connector.wire.get(url, **STREAM))
    unknown = "Bearer tmat_" + "A" * 65
    assert challenge_of(connector.wire.get(url, authorization=unknown, **STREAM))["error"] == "invalid_token"
    answer = connector.wire.get(url, **STREAM, **connector.authorization())
    assert (answer.status_code, answer.headers["allow"], answer.headers["content-type"]) == (
        405,
        "POST",
        "application/json",
    )


def test_the_endpoint_is_at_both_paths_without_a_redirect(connector: Connector) -> None:
    """A redirect would lose the token."""
    answer = connector.send("tools/list", url=f"{connector.wire.url}/mcp/")
    assert result_of(answer)["tools"]
    assert challenge_of(connector.send("tools/list", token="", url=f"{connector.wire.url}/mcp/"))


@pytest.mark.parametrize("agent", ["openai-mcp/1.0.0 (Codex)", "openai-mcp/1.0.0 (+https://openai.com/bot)", ""])
def test_no_name_of_the_agent_shuts_it_out(connector: Connector, agent: str) -> None:
    assert result_of(connector.send("tools/list", agent=agent))["tools"]


def test_a_connector_with_a_document_and_an_address_of_its_own_is_one_too(at: Stage, ada: Person) -> None:
    """As ChatGPT did it before, and does it where the issuer is not told."""
    connector = at.connector(V1, Identity(at.documents.url("/oauth/IbUR3zxyNQ16/client.json"), OWN, "private_key_jwt"))
    connector.log_in(ada)
    assert connector.open()
    other = at.connector(V1, registered(at.wire(), at.documents, "none", OWN))
    other.log_in(ada)
    assert other.open()


def test_a_callback_that_is_known_only_once_the_connector_is_there_is_added_by_the_operator(at: Stage, ada: Person) -> None:
    """The dialog with id and secret shows it last."""
    late = "https://chatgpt.com/connector/oauth/QQh3_kYx0-aa"
    connector = at.connector(V1, Identity("lab-none", late, "none"))
    assert ada.get(connector.link().url).status_code == 400
    clients = at.front.running.directory / "clients.yaml"
    clients.write_text(clients.read_text().replace(f"'{OWN}']", f"'{OWN}', '{late}']"))

    def known() -> bool:
        answers = [ada.get(connector.link().url, edge.url) for edge in at.edges]
        return [answer.status_code for answer in answers] == [303, 303]

    wait_until(known, "both edges have read it")
    connector.log_in(ada)
    assert connector.open()


def test_a_request_without_json_is_answered_and_the_connection_stays(connector: Connector) -> None:
    answer = connector.wire.rpc(b"", {**connector.authorization(), "Content-Type": "text/plain"})
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    assert result_of(connector.send("tools/list"))["tools"]
