"""Clients that are described by a document at their id's URL (Client ID Metadata Documents), from their first request to
their tokens; and ids that lead nowhere."""

import html
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.client import Client
from tests.oauth.connections import Connections, assert_refused
from tests.oauth.documents import Documents
from tests.oauth.house import PASSWORD, House
from tests.oauth.person import CALLBACK, OAuthClient, Person
from tests.oauth.signing import Signer
from tests.oauth.test_document_fetches import listener, nobody_came
from tests.oauth.traces import refused


@pytest.fixture(scope="module")
def house(connections: Connections) -> House:
    return connections.house


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("current")


@pytest.fixture
def person(house: House) -> Iterator[Person]:
    found = house.person()
    yield found
    found.close()


@pytest.fixture(scope="module")
def open_edge(house: House) -> Client:
    """An edge that takes documents of every public host."""
    return house.running.start_edge(
        TOOLMESH_CLIENT_DOCUMENT_HOSTS="*",
        TOOLMESH_CLIENT_DOCUMENT_PRIVATE_HOSTS="",
        TOOLMESH_CLIENT_DOCUMENTS_PER_MIN_MAX="100000",
    )


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(style|head)\b.*?</\1>", " ", page))).split())


def documented(house: House, client_id: str, **fields: Any) -> OAuthClient:
    return OAuthClient(house.url, client_id, secrets=house.secrets, **fields)


def allowed(client: OAuthClient, person: Person) -> str:
    """The code that a person gives it."""
    return client.code(person, "ada", PASSWORD)


# From the first request to the tokens.


def test_the_person_is_told_who_describes_the_client_and_where_the_answer_goes(
    house: House, known_documents: Documents, person: Person
) -> None:
    client = documented(house, known_documents.publish("/shown.json", client_name="Ada's <b>Notes</b>"))
    answer = person.log_in(person.get(client.authorize_path()), "ada", PASSWORD)
    page = person.get(answer.headers["location"]).text
    shown = text_of(page)
    assert "Ada's <b>Notes</b>" in shown
    assert "<b>" not in page
    assert "name not verified" in shown
    assert f"published by {known_documents.host.partition(':')[0]}" in shown
    assert "You will be sent to client.example" in shown


def test_a_public_client_gets_tokens_and_its_document_is_fetched_once(
    house: House, known_documents: Documents, person: Person
) -> None:
    extra = {"logo_uri": known_documents.url("/logo.png"), "client_uri": known_documents.url("/about")}
    client = documented(house, known_documents.publish("/public.json", **extra))
    answer = client.exchange(allowed(client, person))
    assert answer.status_code == 200, answer.text
    assert client.refresh(answer.json()["refresh_token"]).status_code == 200
    bearer = house.bearer(answer.json()["access_token"])
    assert bearer.tool_names()
    bearer.close()
    assert known_documents.times("/public.json") == 1
    assert known_documents.times("/logo.png") + known_documents.times("/about") == 0, "nothing else is ever fetched"


def chatgpt(documents: Documents, path: str, jwks: dict[str, Any]) -> dict[str, Any]:
    """A document as ChatGPT publishes one: the plural says more than the singular."""
    return {
        "client_uri": "https://chatgpt.com/",
        "client_name": "ChatGPT",
        "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "response_types": ["code"],
        "logo_uri": documents.url("/logo.png"),
        "token_endpoint_auth_signing_alg": "RS256",
        "jwks_uri": documents.put(path, jwks),
    }


@pytest.mark.parametrize("signs", [True, False], ids=["signs", "does not sign"])
def test_a_client_may_use_each_method_that_the_plural_names(
    house: House, known_documents: Documents, person: Person, signer: Signer, signs: bool
) -> None:
    keys_path, path = f"/chatgpt/{signs}/jwks.json", f"/chatgpt/{signs}.json"
    document = chatgpt(known_documents, keys_path, {"keys": [signer.public]})
    client = documented(house, known_documents.publish(path, **document), redirect_uri=document["redirect_uris"][0])
    code = allowed(client, person)
    assert known_documents.times(keys_path) == 0, "keys are fetched when something is signed, and not before"
    fields = signer.fields(client.client_id, f"{house.url}/token") if signs else {}
    answer = client.exchange(code, **fields)
    assert answer.status_code == 200, answer.text
    assert known_documents.times(keys_path) == signs


@pytest.mark.parametrize("where", ["jwks", "jwks_uri"])
def test_a_client_that_only_signs_never_gets_by_without(
    house: House, known_documents: Documents, person: Person, signer: Signer, where: str
) -> None:
    keys = {"keys": [Signer("another").public, signer.public]}
    brought: Any = keys if where == "jwks" else known_documents.put("/signs/jwks.json", keys)
    changes = {"token_endpoint_auth_method": "private_key_jwt", where: brought}
    client = documented(house, known_documents.publish(f"/signs/{where}.json", **changes))
    code = allowed(client, person)
    stranger = Signer("current")
    for fields in ({}, {"client_secret": "x"}, stranger.fields(client.client_id, house.url)):
        with refused(house, "token_refused"):
            assert_refused(client.exchange(code, **fields), 401, "invalid_client")
    answer = client.exchange(code, **signer.fields(client.client_id, house.url))
    assert answer.status_code == 200, answer.text
    renewed = client.refresh(answer.json()["refresh_token"], **signer.fields(client.client_id, house.url))
    assert renewed.status_code == 200, renewed.text


def test_keys_that_can_t_be_fetched_now_are_no_reason_to_give_the_connection_up(
    house: House, known_documents: Documents, person: Person, signer: Signer
) -> None:
    """A client that is told `invalid_client` makes its person connect anew; one that is told to wait comes again."""
    jwks_uri = known_documents.put("/down/jwks.json", {}, 503)
    changes = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": jwks_uri}
    client = documented(house, known_documents.publish("/down.json", **changes))
    code = allowed(client, person)
    with refused(house, "token_refused"):
        answer = client.exchange(code, **signer.fields(client.client_id, house.url))
    assert_refused(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


# Ids that lead nowhere.


def assert_error_page(answer: httpx2.Response) -> None:
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert "invalid_client" in answer.text


def ask(edge: Client, client_id: str) -> httpx2.Response:
    """A request for authorization by a client of that id."""
    client = OAuthClient(edge.url, client_id, CALLBACK)
    return httpx2.get(edge.url + client.authorize_path(), trust_env=False, timeout=30, follow_redirects=False)


PRIVATE = [
    "https://169.254.169.254/x",
    "https://10.0.0.5/x",
    "https://192.168.0.1/x",
    "https://[fd00::1]/x",
    "https://[64:ff9b::7f00:1]/x",
    "https://metadata/x",
    "https://localhost/x",
]
HERE = ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "0.0.0.0"]
"""All of them lead to this machine, one way or another."""


def test_an_id_at_a_private_address_is_refused_and_nobody_connects(house: House, open_edge: Client) -> None:
    with ExitStack() as open_ports:
        first = open_ports.enter_context(listener("127.0.0.1"))
        port = first.getsockname()[1]
        listening = [first, open_ports.enter_context(listener("::1", port))]
        pages = set()
        for client_id in [*PRIVATE, *(f"https://{host}:{port}/x" for host in HERE)]:
            with refused(house, "authorize_refused"):
                answer = ask(open_edge, client_id)
            assert_error_page(answer)
            pages.add(text_of(answer.text))
        assert len(pages) == 1, "the page does not say what is at the address"
        assert all(nobody_came(each) for each in listening)


SYNTAX = {
    "http": "http://{host}/x",
    "no path": "https://{host}",
    "path /": "https://{host}/",
    "fragment": "https://{host}/x#part",
    "empty fragment": "https://{host}/x#",
    "query": "https://{host}/x?a=b",
    "user": "https://user@{host}/x",
    "user and word": "https://user:word@{host}/x",
    "dot segment": "https://{host}/a/../x",
    "dot segment, encoded": "https://{host}/a/%2e%2E/x",
    "single dot": "https://{host}/./x",
    "too long": "https://{host}/" + "x" * 2048,
    "port of another service": "https://127.0.0.1:22/x",
    "upper case": "HTTPS://{host}/x",
    "no port number": "https://localhost:port/x",
    "host not listed": "https://unknown.example/x",
    "trailing dot": "https://localhost.:{port}/x",
}


def test_an_id_that_is_no_url_of_a_document_is_refused_without_a_fetch(house: House, known_documents: Documents) -> None:
    before = known_documents.connections
    for name, pattern in SYNTAX.items():
        client_id = pattern.format(host=known_documents.host, port=known_documents.port)
        with refused(house, "authorize_refused"):
            answer = ask(house.a, client_id)
        assert_error_page(answer)
        assert client_id not in answer.text, name
    assert known_documents.connections == before


def test_an_id_that_leads_nowhere_is_no_client_at_the_token_endpoint(house: House, known_documents: Documents) -> None:
    gone = known_documents.url("/never-there.json")
    for client_id, status, error in (
        ("https://169.254.169.254/x", 401, "invalid_client"),
        ("https://unknown.example/x", 401, "invalid_client"),
        (gone, 401, "invalid_client"),
    ):
        client = documented(house, client_id)
        client.verifier = "v" * 43
        with refused(house, "token_refused"):
            assert_refused(client.exchange("no-code"), status, error)


def test_a_document_that_can_t_be_used_is_an_error_page_that_says_why_and_quotes_nothing(
    house: House, known_documents: Documents
) -> None:
    for path, changes, reason in (
        ("/bad/other.json", {"client_id": known_documents.url("/public.json")}, "is of another client"),
        ("/bad/secret.json", {"client_secret": "everybody-reads-this"}, "holds a secret"),
    ):
        with refused(house, "authorize_refused"):
            answer = ask(house.a, known_documents.publish(path, **changes))
        assert_error_page(answer)
        assert reason in answer.text
        assert "everybody-reads-this" not in answer.text
