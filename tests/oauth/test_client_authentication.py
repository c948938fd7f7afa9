"""Who asks at the token endpoint (RFC 6749 section 2.3): each client in one way, which is its own."""

import base64
import hashlib
import os
from typing import Any
from urllib.parse import quote_plus

import httpx2
import pytest

from tests.mesh import wait_until
from tests.oauth.connections import Connections, assert_refused, send
from tests.oauth.person import CALLBACK, OAuthClient
from tests.oauth.traces import assert_in_no_log, refused

ODD_SECRET = "a:b%c d+e&f=é/~"


@pytest.fixture(scope="module")
def clients(connections: Connections) -> dict[str, OAuthClient]:
    """One client of each kind."""
    house = connections.house
    digest = hashlib.sha256(ODD_SECRET.encode()).hexdigest()
    text = f"""
clients:
  - {{client_id: odd, client_name: Odd, redirect_uris: ['{CALLBACK}'],
     token_endpoint_auth_method: client_secret_basic, client_secret_sha256: {digest}}}
"""
    (house.running.config / "new.yaml").write_text(text)
    os.replace(house.running.config / "new.yaml", house.running.config / "clients.yaml")
    odd = OAuthClient(house.url, "odd", CALLBACK, ODD_SECRET)
    for edge in (house.a, house.b):
        wait_until(lambda edge=edge: connections.person().get(odd.authorize_path(), edge.url).status_code == 303, "odd", 10)
    return {
        "public": house.client(),
        "basic": house.client(token_endpoint_auth_method="client_secret_basic"),
        "post": house.client(token_endpoint_auth_method="client_secret_post"),
        "odd": odd,
    }


def basic(client_id: str, secret: str) -> dict[str, str]:
    """RFC 6749 section 2.3.1: both form-encoded, then joined."""
    joined = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
    return {"authorization": f"Basic {base64.b64encode(joined).decode()}"}


def _redeem(connections: Connections, client: OAuthClient, changes: dict[str, Any], **headers: str) -> httpx2.Response:
    """Redeem a fresh code, and say in the changes who asks."""
    code = connections.code(client)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": client.verifier}
    sent = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    return send(connections.house.b.url, "/token", sent, **headers)


def test_each_kind_of_client_gets_tokens_in_its_own_way(connections: Connections, clients: dict[str, OAuthClient]) -> None:
    for name in ("public", "post"):
        client = clients[name]
        asked = {"client_id": client.client_id, "client_secret": client.secret}
        assert _redeem(connections, client, asked).status_code == 200, name
    for name in ("basic", "odd"):
        client = clients[name]
        for sent in ({}, {"client_id": client.client_id}):
            answer = _redeem(connections, client, sent, **basic(client.client_id, client.secret or ""))
            assert answer.status_code == 200, (name, answer.text)
    assert_in_no_log(connections.house, ODD_SECRET, *(client.secret or "" for client in clients.values()))


WRONG = "x" * 43
ID, SECRET = "{id}", "{secret}"
BAD: list[tuple[str, str, dict[str, Any], tuple[str, str] | str | None, int, str]] = [
    ("nobody", "public", {}, None, 401, "invalid_client"),
    ("an unknown client", "public", {"client_id": "tmc_nobody"}, None, 401, "invalid_client"),
    (
        "an unknown client with a secret",
        "post",
        {"client_id": "tmc_nobody", "client_secret": SECRET},
        None,
        401,
        "invalid_client",
    ),
    ("an unknown client by Basic", "basic", {}, ("tmc_nobody", SECRET), 401, "invalid_client"),
    ("a public client with a secret", "public", {"client_id": ID, "client_secret": WRONG}, None, 401, "invalid_client"),
    ("a public client by Basic", "public", {}, (ID, WRONG), 401, "invalid_client"),
    ("a public client by Basic with nothing", "public", {}, (ID, ""), 401, "invalid_client"),
    ("a secret left out", "post", {"client_id": ID}, None, 401, "invalid_client"),
    ("an empty secret", "post", {"client_id": ID, "client_secret": ""}, None, 401, "invalid_client"),
    ("a wrong secret", "post", {"client_id": ID, "client_secret": WRONG}, None, 401, "invalid_client"),
    ("a wrong secret by Basic", "basic", {}, (ID, WRONG), 401, "invalid_client"),
    ("an empty secret by Basic", "basic", {}, (ID, ""), 401, "invalid_client"),
    ("a secret that goes on", "basic", {}, (ID, SECRET + "x"), 401, "invalid_client"),
    ("the other way, by Basic", "post", {}, (ID, SECRET), 401, "invalid_client"),
    ("the other way, in the body", "basic", {"client_id": ID, "client_secret": SECRET}, None, 401, "invalid_client"),
    ("no way for a client with a secret", "basic", {"client_id": ID}, None, 401, "invalid_client"),
    ("both ways", "basic", {"client_id": ID, "client_secret": SECRET}, (ID, SECRET), 400, "invalid_request"),
    ("two clients", "basic", {"client_id": "tmc_other"}, (ID, SECRET), 400, "invalid_request"),
    ("two secrets", "post", {"client_id": ID, "client_secret": [SECRET, WRONG]}, None, 400, "invalid_request"),
    ("Basic that is no base64", "basic", {}, "Basic %%%", 400, "invalid_request"),
    ("Basic without a colon", "basic", {}, "Basic " + base64.b64encode(b"nobody").decode(), 400, "invalid_request"),
    ("Basic that is no UTF-8", "basic", {}, "Basic " + base64.b64encode(b"\xff:\xff").decode(), 400, "invalid_request"),
    ("half an assertion", "public", {"client_id": ID, "client_assertion_type": "a"}, None, 401, "invalid_client"),
    (
        "an assertion and a secret",
        "post",
        {"client_secret": SECRET, "client_assertion": "a.b.c"},
        None,
        400,
        "invalid_request",
    ),
]


@pytest.mark.parametrize(
    ("kind", "fields", "header", "status", "error"), [pytest.param(*row[1:], id=row[0]) for row in BAD]
)
def test_a_client_that_does_not_authenticate_as_it_has_to_gets_nothing(
    connections: Connections,
    clients: dict[str, OAuthClient],
    kind: str,
    fields: dict[str, Any],
    header: tuple[str, str] | str | None,
    status: int,
    error: str,
) -> None:
    client = clients[kind]
    secret = client.secret or WRONG

    def filled(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [filled(each) for each in value]
        return value.replace(ID, client.client_id).replace(SECRET, secret)

    headers = {"authorization": header} if isinstance(header, str) else basic(*filled(header)) if header else {}
    found = connections.connect(clients["public"])
    with refused(connections.house, "token_refused"):
        sent = {"grant_type": "refresh_token", "refresh_token": found.refresh}
        sent |= {name: filled(value) for name, value in fields.items()}
        assert_refused(send(connections.house.a.url, "/token", sent, **headers), status, error)
    found.renew()
    assert_in_no_log(connections.house, found.refresh, secret)


def test_any_page_may_read_the_answers_and_none_is_trusted_with_a_cookie(connections: Connections) -> None:
    """CORS without credentials where clients ask, and none where people do."""
    origin = {"origin": "https://page.example"}
    for path in ("/token", "/revoke", "/register"):
        url = connections.house.url + path
        asked = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
        with httpx2.Client(trust_env=False) as http:
            for answer in (http.options(url, headers=asked), http.post(url, data={"a": "b"}, headers=origin)):
                assert answer.headers["access-control-allow-origin"] == "*"
                assert "access-control-allow-credentials" not in answer.headers
    for path in ("/authorize?client_id=x", "/login", "/consent"):
        answer = connections.person("bob").get(path, **origin)
        assert not [name for name in answer.headers if name.startswith("access-control-")], path
