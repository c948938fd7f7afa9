"""POST /register: which clients may introduce themselves, and what they are told (RFC 7591)."""

import json
import time
from typing import Any

import httpx2
import pytest

from tests.oauth.connections import Connections
from tests.oauth.documents import Documents
from tests.oauth.house import House
from tests.oauth.person import CALLBACK, OAuthClient
from tests.oauth.signing import Signer
from tests.oauth.traces import refused


@pytest.fixture(scope="module")
def house(connections: Connections) -> House:
    return connections.house


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("own")


def post(house: House, body: Any, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", **headers}
    return httpx2.post(f"{house.url}/register", content=content, headers=headers, trust_env=False, timeout=30)


def assert_error(answer: httpx2.Response, status: int, error: str) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def names(secret: str) -> dict[str, Any]:
    return {"client_name": secret, "redirect_uris": [CALLBACK]}


# What is registered.


def test_a_client_is_told_all_that_was_registered_of_it(house: House) -> None:
    before = int(time.time())
    wanted = {
        "client_name": "ChatGPT",
        "client_uri": "https://chatgpt.com/",
        "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect", "http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": "tools:read offline_access",
        "application_type": "web",
        "software_id": "s",
        "software_version": "1",
    }
    answer = post(house, wanted)
    said = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert {name: said[name] for name in wanted} == wanted
    assert said.keys() - wanted.keys() == {
        *("client_id", "client_id_issued_at", "client_secret", "client_secret_expires_at")
    }
    assert before <= said["client_id_issued_at"] <= time.time()
    assert said["client_secret_expires_at"] == 0
    assert len(said["client_secret"]) >= 43
    house.secrets.add(said["client_secret"])


def test_what_is_left_out_or_null_gets_the_values_of_the_rfc(house: House) -> None:
    said = post(house, {"redirect_uris": [CALLBACK], "client_name": None, "scope": None, "jwks": None}).json()
    assert said["token_endpoint_auth_method"] == "client_secret_basic"
    assert said["grant_types"] == ["authorization_code"]
    assert said["response_types"] == ["code"]
    assert said.keys().isdisjoint({"client_name", "scope", "jwks"})
    house.secrets.add(said["client_secret"])


def test_a_public_client_gets_no_secret(house: House) -> None:
    said = post(house, {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}).json()
    assert said.keys().isdisjoint({"client_secret", "client_secret_expires_at"})


def test_what_is_not_offered_here_is_taken_away(house: House) -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    types = {"grant_types": ["refresh_token", device, "authorization_code"], "response_types": ["code", "none"]}
    said = post(house, {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", **types}).json()
    assert (said["grant_types"], said["response_types"]) == (["authorization_code", "refresh_token"], ["code"])


def test_unknown_members_are_ignored_and_what_a_client_can_t_choose_is_not_its_choice(house: House) -> None:
    """An existing client can't be overwritten, nor a secret be set."""
    known = house.client()
    chosen = {
        "client_id": known.client_id,
        "client_secret": "a secret that I chose",
        "client_id_issued_at": 1,
        "logo_uri": "https://client.example/logo.png",
        "tos_uri": "javascript:alert(1)",
        "contacts": ["a@client.example"],
        "frobnicate": {"deep": [1]},
    }
    answer = post(house, {"redirect_uris": ["https://evil.example/cb"], "client_name": "Evil", **chosen})
    assert answer.status_code == 201
    said = answer.json()
    house.secrets.add(said["client_secret"])
    assert said["client_id"] != known.client_id
    assert said["client_secret"] != chosen["client_secret"]
    assert said["client_id_issued_at"] > 1
    assert said.keys().isdisjoint({"logo_uri", "tos_uri", "contacts", "frobnicate"})
    assert house.tokens(known)["access_token"], "the client of that id is what it was"


def test_a_registration_can_be_neither_read_nor_changed(house: House) -> None:
    """RFC 7592 is not there: nobody holds a registration access token."""
    known = house.client()
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        for path in ("/register", f"/register/{known.client_id}", f"/register?client_id={known.client_id}"):
            answer = httpx2.request(method, house.url + path, json=names("Evil"), trust_env=False)
            assert answer.status_code in (404, 405), (method, path)
    assert house.tokens(known)["access_token"]


# What is refused.

REDIRECTS = {
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,hello",
    "file": "file:///etc/passwd",
    "http": "http://client.example/cb",
    "private network": "http://192.168.0.1/cb",
    "fragment": "https://client.example/cb#part",
    "empty fragment": "https://client.example/cb#",
    "user": "https://user:word@client.example/cb",
    "wildcard host": "https://*.client.example/cb",
    "wildcard": "*",
    "relative": "/cb",
    "no scheme": "//client.example/cb",
    "no host": "https:///cb",
    "scheme without a dot": "myapp:",
    "scheme without a dot, with a path": "myapp://cb",
    "blank": "https://client.example/a b",
    "newline": "https://client.example/\r\nlocation:x",
    "not ASCII": "https://clíent.example/cb",
    "too long": "https://client.example/" + "a" * 2_000,
    "much too long": "https://client.example/" + "a" * 9_000,
    "empty": "",
}


@pytest.mark.parametrize("uri", REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_uri_that_leads_astray_is_refused(house: House, uri: str) -> None:
    with refused(house, "register_refused"):
        # One good one beside it makes it no better.
        assert_error(post(house, {"redirect_uris": [CALLBACK, uri]}), 400, "invalid_redirect_uri")


@pytest.mark.parametrize(
    "uris", [[], [f"{CALLBACK}/{number}" for number in range(11)], None], ids=["none", "eleven", "left out"]
)
def test_redirect_uris_are_one_to_ten(house: House, uris: list[str] | None) -> None:
    with refused(house, "register_refused"):
        assert_error(post(house, {} if uris is None else {"redirect_uris": uris}), 400, "invalid_redirect_uri")


METADATA: dict[str, dict[str, Any]] = {
    "implicit": {"grant_types": ["implicit"]},
    "no code": {"grant_types": ["refresh_token"]},
    "no grant type": {"grant_types": []},
    "no response type": {"response_types": []},
    "token": {"response_types": ["token"]},
    "signs without keys": {"token_endpoint_auth_method": "private_key_jwt"},
    "unknown method": {"token_endpoint_auth_method": "tls_client_auth"},
    "unknown scope": {"scope": "tools:read admin"},
    "software statement": {"software_statement": "e30.e30.e30"},
    "redirects of another type": {"redirect_uris": 5},
    "redirects within": {"redirect_uris": [[CALLBACK]]},
    "name of another type": {"client_name": {"en": "x"}},
    "grant types as text": {"grant_types": "authorization_code"},
    "application": {"application_type": "toaster"},
    "long name": {"client_name": "n" * 5_000},
}


@pytest.mark.parametrize("changes", METADATA.values(), ids=METADATA)
def test_metadata_that_can_t_be_used_is_refused(house: House, changes: dict[str, Any]) -> None:
    with refused(house, "register_refused"):
        assert_error(post(house, {"redirect_uris": [CALLBACK], **changes}), 400, "invalid_client_metadata")


def test_an_error_quotes_nothing_that_was_sent(house: House) -> None:
    house.secrets.add("s3cret-in-the-wrong-place")
    with refused(house, "register_refused"):
        answer = post(house, {**names("x"), "token_endpoint_auth_method": "s3cret-in-the-wrong-place"})
    assert_error(answer, 400, "invalid_client_metadata")
    assert "s3cret" not in answer.text
    assert "token_endpoint_auth_method" in answer.json()["error_description"]


BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "not JSON": (b"redirect_uris=x", {}, 400),
    "cut off": (b'{"redirect_uris": [', {}, 400),
    "not UTF-8": (b'{"client_name": "\xff"}', {}, 400),
    "an array": (b"[]", {}, 400),
    "empty": (b"", {}, 400),
    "deep": (b'{"a":' * 200 + b"1" + b"}" * 200, {}, 400),
    "deep in brackets": (b'{"redirect_uris":' + b"[" * 200 + b"]" * 200 + b"}", {}, 400),
    "65 KiB": (json.dumps({**names("x"), "pad": "x" * 65 * 1024}).encode(), {}, 413),
    "a form": (b"{}", {"content-type": "application/x-www-form-urlencoded"}, 415),
    "no type": (b"{}", {"content-type": ""}, 415),
    "compressed": (b"{}", {"content-encoding": "gzip"}, 400),
}


@pytest.mark.parametrize(("body", "headers", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_metadata_is_refused(house: House, body: bytes, headers: dict[str, str], status: int) -> None:
    with refused(house, "register_refused"):
        assert_error(post(house, body, **headers), status, "invalid_client_metadata")


# Clients that sign.


def signed_in(house: House, client: OAuthClient, signer: Signer) -> httpx2.Response:
    """Exchange a code, with an assertion."""
    person = house.person()
    try:
        code = client.code(person, "ada", "correct horse battery staple")
    finally:
        person.close()
    assert client.exchange(code).json()["error"] == "invalid_client", "it never gets by without"
    return client.exchange(code, **signer.fields(client.client_id, house.url))


def test_a_client_that_brings_its_keys_signs_instead_of_a_secret(house: House, signer: Signer) -> None:
    wanted = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [signer.public]}}
    said = post(house, {"redirect_uris": [CALLBACK], **wanted}).json()
    assert {name: said[name] for name in wanted} == wanted
    assert said["token_endpoint_auth_signing_alg"] == "RS256"
    assert said.keys().isdisjoint({"client_secret", "client_secret_expires_at", "jwks_uri"})
    client = OAuthClient(house.url, said["client_id"])
    assert signed_in(house, client, signer).status_code == 200


def test_keys_at_a_host_of_the_operators_list_are_taken_and_fetched_when_something_is_signed(
    house: House, known_documents: Documents, signer: Signer
) -> None:
    jwks_uri = known_documents.put("/registered/jwks.json", {"keys": [signer.public]})
    client = house.client(token_endpoint_auth_method="private_key_jwt", jwks_uri=jwks_uri)
    assert known_documents.times("/registered/jwks.json") == 0
    assert signed_in(house, client, signer).status_code == 200
    assert known_documents.times("/registered/jwks.json") == 1


@pytest.mark.parametrize("what", ["private", "weak", "symmetric", "none", "elsewhere", "two", "ES256", "number"])
def test_keys_that_can_t_be_used_are_refused(house: House, signer: Signer, what: str) -> None:
    own = {"keys": [signer.public]}
    ways: dict[str, dict[str, Any]] = {
        "private": {"jwks": {"keys": [signer.private]}},
        "weak": {"jwks": {"keys": [{**signer.public, "n": "AMfhjq3vWg8"}]}},
        "symmetric": {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
        "none": {"jwks": {"keys": []}},
        "elsewhere": {"jwks_uri": "https://169.254.169.254/jwks.json"},
        "two": {"jwks": own, "jwks_uri": "https://chatgpt.com/oauth/jwks.json"},
        "ES256": {"jwks": own, "token_endpoint_auth_signing_alg": "ES256"},
        "number": {"jwks": 5},
    }
    with refused(house, "register_refused"):
        answer = post(house, {**names("x"), "token_endpoint_auth_method": "private_key_jwt", **ways[what]})
    assert_error(answer, 400, "invalid_client_metadata")
