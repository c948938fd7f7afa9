"""Clients that sign (`private_key_jwt`, RFC 7523): a real document, and each assertion that is not quite right."""

import base64
import hmac
import json
import time
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc import jws
from joserfc.jwk import RSAKey

from tests.oauth.connections import Connections, assert_refused, send
from tests.oauth.documents import Documents
from tests.oauth.person import CALLBACK, OAuthClient
from tests.oauth.signing import TYPE, Signer
from tests.oauth.traces import assert_in_no_log, refused

PATH = "/signing-client.json"


def _key(signer: Signer) -> RSAKey:
    """To sign with, whichever way."""
    return RSAKey.import_key({name: value for name, value in signer.private.items() if name not in ("alg", "kid")})


class Signing:
    """A client with a key, and the same assertion with something changed."""

    def __init__(self, connections: Connections, documents: Documents) -> None:
        self.documents = documents
        self.signer, self.stranger = Signer("key-1"), Signer("key-1")
        self.id = documents.publish(
            PATH, token_endpoint_auth_method="private_key_jwt", jwks_uri=documents.url("/signing-keys.json")
        )
        documents.put("/signing-keys.json", {"keys": [self.signer.public]})
        self.oauth = OAuthClient(connections.house.url, self.id, CALLBACK)
        self.jti = 0

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What an assertion says; a change to None leaves a claim out."""
        self.jti += 1
        now, url = int(time.time()), self.oauth.url
        found = {"iss": self.id, "sub": self.id, "aud": url, "iat": now, "exp": now + 60, "jti": f"id-{self.jti}"}
        filled = json.loads(json.dumps(changes).replace("{url}", url).replace("{id}", self.id))
        return {name: value for name, value in {**found, **filled}.items() if value is not None}

    def assertion(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        """Signed, with whatever header."""
        key = key or _key(self.signer)
        named = {"alg": "RS256", "kid": "key-1", **header}
        registry = jws.JWSRegistry(algorithms=[named["alg"]], strict_check_header=False)
        return jws.serialize_compact(named, json.dumps(claims), key, registry=registry)

    def unsigned(self, claims: dict[str, Any], signature: str = "", **header: Any) -> str:
        """As it is, with a signature that was not made here."""
        parts = [json.dumps({"alg": "none", "kid": "key-1", **header}).encode(), json.dumps(claims).encode()]
        return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])

    def by_secret(self, claims: dict[str, Any], secret: bytes) -> str:
        """Signed with HS256, and something that everybody knows."""
        signed = self.unsigned(claims, alg="HS256").rstrip(".")
        signature = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()
        return f"{signed}.{signature}"

    def exchange(self, connections: Connections, code: str, assertion: str, edge: int = 0, **more: str) -> httpx2.Response:
        """Redeem a code."""
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        fields |= {"code_verifier": self.oauth.verifier, "client_assertion_type": TYPE, "client_assertion": assertion}
        return send((connections.house.a, connections.house.b)[edge].url, "/token", {**fields, **more})


@pytest.fixture(scope="module")
def signing(connections: Connections, known_documents: Documents) -> Signing:
    """The client, known to both edges."""
    found = Signing(connections, known_documents)
    for edge in (0, 1):
        code = connections.code(found.oauth)
        answer = found.exchange(connections, code, found.assertion(found.claims()), edge)
        assert answer.status_code == 200, answer.text
    return found


@pytest.mark.parametrize("audience", ["{url}", "{url}/token", ["{url}"]], ids=["issuer", "endpoint", "a list of one"])
def test_a_signed_assertion_for_this_server_authenticates_once_at_all_edges(
    connections: Connections, signing: Signing, audience: Any
) -> None:
    code = connections.code(signing.oauth)
    assertion = signing.assertion(signing.claims(aud=audience))
    first = signing.exchange(connections, code, assertion, edge=0)
    assert first.status_code == 200, first.text
    for edge in (1, 0):
        with refused(connections.house, "token_refused"):
            sent = {"grant_type": "refresh_token", "refresh_token": first.json()["refresh_token"]}
            sent |= {"client_assertion_type": TYPE, "client_assertion": assertion}
            answer = send((connections.house.a, connections.house.b)[edge].url, "/token", sent)
            assert_refused(answer, 401, "invalid_client")
    fresh = {**sent, "client_assertion": signing.assertion(signing.claims())}
    assert send(connections.house.b.url, "/token", fresh).status_code == 200
    assert_in_no_log(connections.house, assertion, assertion.rpartition(".")[2], code)


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "for somebody else": {"aud": "https://other.example"},
    "for the resource": {"aud": "{url}/mcp"},
    "for two": {"aud": ["{url}", "https://other.example"]},
    "for two of ours": {"aud": ["{url}", "{url}/token"]},
    "for nobody": {"aud": None},
    "for no text": {"aud": 5},
    "of somebody else": {"iss": "https://other.example/client"},
    "of nobody": {"iss": None},
    "expired": {"exp": 1_700_000_000},
    "for ten years": {"exp": 2_100_000_000},
    "for ever": {"exp": None},
    "until a text": {"exp": "soon"},
    "until true": {"exp": True},
    "until infinity": {"exp": 1e308},
    "until no number": {"exp": float("nan")},
    "not yet": {"nbf": 2_100_000_000},
    "without an id": {"jti": None},
    "with an id that is no text": {"jti": 7},
    "with an empty id": {"jti": ""},
    "with an id without end": {"jti": "x" * 600},
}


@pytest.mark.parametrize("changes", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
def test_an_assertion_with_a_wrong_claim_is_none(
    connections: Connections, signing: Signing, changes: dict[str, Any]
) -> None:
    assertion = signing.assertion(signing.claims(**changes))
    _assert_none(connections, signing, assertion)


def test_an_assertion_that_is_not_signed_as_it_has_to_be_is_none_and_nothing_is_fetched_for_it(
    connections: Connections, signing: Signing
) -> None:
    public = RSAKey.import_key(signing.signer.public).public_key
    assert isinstance(public, RSAPublicKey)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    as_json = json.dumps(signing.signer.public).encode()
    stranger, elsewhere = _key(signing.stranger), signing.documents.url("/strangers-keys.json")
    signing.documents.put("/strangers-keys.json", {"keys": [signing.stranger.public]})
    good = signing.assertion(signing.claims())
    header, _, signature = good.split(".")
    cases = {
        "not at all": signing.unsigned(signing.claims()),
        "not at all, in capitals": signing.unsigned(signing.claims(), alg="NONE"),
        "none, with a signature": signing.unsigned(signing.claims(), signature=signature),
        "with the public key as a secret": signing.by_secret(signing.claims(), pem),
        "with the JWK as a secret": signing.by_secret(signing.claims(), as_json),
        "with RS384": signing.assertion(signing.claims(), alg="RS384"),
        "with PS256": signing.assertion(signing.claims(), alg="PS256"),
        "by a stranger": signing.assertion(signing.claims(), stranger),
        "by a stranger whose key is elsewhere": signing.assertion(signing.claims(), stranger, jku=elsewhere),
        "by a stranger with a certificate": signing.assertion(signing.claims(), stranger, x5u=elsewhere),
        "by a stranger who brings the key": signing.assertion(signing.claims(), stranger, jwk=signing.stranger.public),
        "with a key's URL": signing.assertion(signing.claims(), jku=elsewhere),
        "with an id that is a path": signing.assertion(signing.claims(), stranger, kid="../../../../etc/passwd"),
        "with an id that is SQL": signing.assertion(signing.claims(), stranger, kid="' OR 1=1 --"),
        "with an id that is no text": signing.unsigned(signing.claims(), signature, alg="RS256", kid=["key-1"]),
        "with something critical": signing.unsigned(signing.claims(), signature, alg="RS256", crit=["exp"]),
        "cut short": good[:-20],
        "with another payload": f"{header}.{signing.unsigned(signing.claims()).split('.')[1]}.{signature}",
        "with two signatures": f"{good}.{signature}",
        "as text": "not.an.assertion",
        "as nothing": "..",
        "as an empty object": "e30.e30.e30",
        "as a list": "W10.W10.W10",
        "deep": signing.unsigned({**signing.claims(), "a": json.loads("[" * 500 + "]" * 500)}, signature, alg="RS256"),
    }
    asked = list(signing.documents.asked)
    for name, assertion in cases.items():
        _assert_none(connections, signing, assertion, name)
    assert signing.documents.asked == asked
    assert signing.exchange(connections, connections.code(signing.oauth), good).status_code == 200


def test_an_id_is_not_used_up_by_whoever_only_claims_it(connections: Connections, signing: Signing) -> None:
    claims = signing.claims()
    forged = signing.assertion(claims, _key(signing.stranger))
    _assert_none(connections, signing, forged)
    assert signing.exchange(connections, connections.code(signing.oauth), signing.assertion(claims)).status_code == 200


def test_a_client_that_signs_gets_by_with_nothing_else(connections: Connections, signing: Signing) -> None:
    code = connections.code(signing.oauth)
    with refused(connections.house, "token_refused"):
        assert_refused(signing.oauth.exchange(code), 401, "invalid_client")
    with refused(connections.house, "token_refused"):
        assert_refused(signing.oauth.exchange(code, client_secret="x"), 401, "invalid_client")
    public = connections.house.client()
    with refused(connections.house, "token_refused"):
        answer = signing.exchange(connections, code, signing.assertion(signing.claims()), client_id=public.client_id)
        assert_refused(answer, 400, "invalid_request")
    with refused(connections.house, "token_refused"):
        answer = signing.exchange(
            connections, code, signing.assertion(signing.claims(iss=public.client_id, sub=public.client_id))
        )
        assert_refused(answer, 401, "invalid_client")


def _assert_none(connections: Connections, signing: Signing, assertion: str, name: str = "") -> None:
    code = connections.code(signing.oauth)
    with refused(connections.house, "token_refused"):
        answer = signing.exchange(connections, code, assertion, edge=1)
        assert answer.status_code == 401, f"{name}: {answer.text}"
        assert_refused(answer, 401, "invalid_client")
    assert_in_no_log(connections.house, code)
    if len(assertion) > 40:
        assert_in_no_log(connections.house, assertion)
