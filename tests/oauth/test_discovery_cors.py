"""Which answers a script of any web page may read (Fetch standard, "CORS protocol"): what clients ask, and nothing that a
person's browser is logged in at."""

import httpx2
import pytest

from tests.oauth.connections import Connections
from tests.oauth.house import House

ORIGIN = "https://inspector.example"
CORS = "access-control-"
FOR_CLIENTS = ["/token", "/revoke", "/register"]
WELL_KNOWN = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/other",
]
FOR_PEOPLE = ["/authorize", "/login", "/consent"]


@pytest.fixture(scope="module")
def house(connections: Connections) -> House:
    return connections.house


def ask(house: House, method: str, path: str, **headers: str) -> httpx2.Response:
    named = {"origin": ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx2.request(method, house.url + path, headers=named, trust_env=False, timeout=30)


def preflight(house: House, path: str, method: str) -> httpx2.Response:
    headers = {
        "access_control_request_method": method,
        "access_control_request_headers": "content-type, authorization, mcp-protocol-version",
    }
    return ask(house, "OPTIONS", path, **headers)


def assert_readable(answer: httpx2.Response) -> None:
    """By any page, and never with a browser's cookies."""
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [*FOR_CLIENTS, *WELL_KNOWN])
def test_a_browser_that_asks_beforehand_is_told_that_it_may(house: House, path: str) -> None:
    method = "POST" if path in FOR_CLIENTS else "GET"
    answer = preflight(house, path, method)
    assert answer.status_code == 204
    assert_readable(answer)
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert {"content-type", "authorization", "mcp-protocol-version"} <= allowed


@pytest.mark.parametrize("path", WELL_KNOWN)
def test_any_page_may_read_what_clients_discover(house: House, path: str) -> None:
    assert_readable(ask(house, "GET", path))


def test_any_page_may_read_how_a_client_was_answered(house: House) -> None:
    """Errors too, or a client that runs in a browser would not learn what is wrong."""
    for path in FOR_CLIENTS:
        refused = ask(house, "POST", path, content_type="text/plain")
        assert refused.status_code == 415
        assert_readable(refused)
    client = house.client()
    for fields in ({}, {"grant_type": "authorization_code", "client_id": client.client_id, "code": "x"}):
        for path in ("/token", "/revoke"):
            assert_readable(httpx2.post(house.url + path, data=fields, headers={"origin": ORIGIN}, trust_env=False))
    wanted = {"redirect_uris": [client.redirect_uri], "token_endpoint_auth_method": "none"}
    registered = httpx2.post(f"{house.url}/register", json=wanted, headers={"origin": ORIGIN}, trust_env=False)
    assert registered.status_code == 201
    assert_readable(registered)


@pytest.mark.parametrize("path", FOR_PEOPLE)
def test_no_page_may_read_what_a_person_sees(house: House, path: str) -> None:
    answers = [preflight(house, path, "GET"), preflight(house, path, "POST"), ask(house, "GET", path)]
    answers.append(ask(house, "GET", house.client().authorize_path()))
    answers.append(ask(house, "POST", path, content_type="application/x-www-form-urlencoded"))
    for answer in answers:
        assert [name for name in answer.headers if name.startswith(CORS)] == []
    assert [answer.status_code for answer in answers[:2]] == [405, 405]
