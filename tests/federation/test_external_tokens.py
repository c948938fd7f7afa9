"""Access tokens of another authorization server, at real edges: the whole way of a client, and what is no such token."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc.jwk import RSAKey

from tests.federation.authorization_server import new_key
from tests.federation.external_house import NOWHERE, Elsewhere, elsewhere
from tests.mesh import wait_until
from tests.oauth.traces import assert_in_no_log, records, refused

pytestmark = pytest.mark.usefixtures("npm_packages")
TOUCH: dict[str, Any] = {"uri": "note://counter"}


@pytest.fixture(scope="module")
def at(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere")) as found:
        yield found


def encoded(part: Any) -> str:
    text = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def forged(header: dict[str, Any], claims: Any, sign: Callable[[bytes], bytes]) -> str:
    """A token with a header that no library would write."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


def by_rsa(key: Any) -> Callable[[bytes], bytes]:
    """A signature of RS256."""
    return lambda text: bytes(key.get_op_key("sign").sign(text, padding.PKCS1v15(), hashes.SHA256()))


def assert_refused(at: Elsewhere, *cases: tuple[str, str], path: str = "/mcp") -> None:
    """Each token is answered 401, with that reason in a challenge that leads back to the metadata, and starts nothing."""
    metadata = f"{at.house.url}/.well-known/oauth-protected-resource{path}"
    with refused(at.house, "unauthenticated", len(cases)):
        for number, (token, reason) in enumerate(cases):
            answer = at.call(token, path=path, edge=number % 2)
            said = answer.headers.get("www-authenticate", "")
            assert (answer.status_code, reason in said) == (401, True), f"{reason}: {answer.status_code} {said}"
            assert said.startswith('Bearer error="invalid_token", error_description="'), reason
            assert said.endswith(f'resource_metadata="{metadata}", scope="mesh.read mesh.write"'), reason


def test_a_client_finds_out_all_it_needs_logs_in_there_and_calls_at_any_edge(at: Elsewhere) -> None:
    challenged = httpx2.post(at.resource, content=b"{}", trust_env=False)
    assert challenged.status_code == 401
    challenge = challenged.headers["www-authenticate"]
    assert challenge.endswith('scope="mesh.read mesh.write"')
    resource = httpx2.get(challenge.split('resource_metadata="')[1].split('"')[0], trust_env=False).json()
    assert resource["resource"] == at.resource
    assert resource["authorization_servers"] == [at.first.issuer, at.second.issuer, NOWHERE, at.house.url]
    assert resource["scopes_supported"] == ["mesh.read", "mesh.write"]
    server = resource["authorization_servers"][0]
    metadata = httpx2.get(f"{server}/.well-known/oauth-authorization-server", trust_env=False).json()
    assert metadata["issuer"] == server
    assert set(resource["scopes_supported"]) <= set(metadata["scopes_supported"])

    client = at.first.client(at.resource)
    tokens = at.first.tokens(client, "ada", "mesh.read mesh.write")
    for edge in (0, 1):
        answer = at.call(tokens["access_token"], edge=edge)
        assert answer.json()["result"]["content"][0]["text"] == "3"
        written = at.call(tokens["access_token"], "up_touch", edge=edge, **TOUCH)
        assert not written.json()["result"].get("isError"), written.text
    subject, caller = f"{at.first.issuer}#ada", f"{at.first.issuer}#{client.client_id}"
    wait_until(lambda: len(calls_of(at, subject, caller)) >= 2, "the calls are in the audit")
    assert {record["tenant"] for record in calls_of(at, subject, caller)} == {"elsewhere"}
    assert_in_no_log(at.house, tokens["access_token"], tokens["access_token"].rpartition(".")[2])


def calls_of(at: Elsewhere, subject: str, caller: str) -> list[dict[str, Any]]:
    return [
        record
        for record in records(at.house)
        if (record["subject"], record["caller_id"], record["backend"]) == (subject, caller, "up")
    ]


def test_a_client_without_a_person_comes_in_as_itself(at: Elsewhere) -> None:
    metadata = {"grant_types": ["client_credentials", "authorization_code"], "scope": "mesh.read"}
    client = at.first.client(at.resource, token_endpoint_auth_method="client_secret_post", **metadata)
    fields = client.token_fields(grant_type="client_credentials", scope="mesh.read")
    said = httpx2.post(f"{at.first.issuer}/token", data=fields, trust_env=False).json()
    assert at.call(said["access_token"]).status_code == 200


def test_a_token_of_a_server_with_another_algorithm_and_names_of_its_own_is_good_too(at: Elsewhere) -> None:
    tokens = at.second.tokens(at.second.client(at.resource), "ada", "mesh.read mesh.write")
    assert at.call(tokens["access_token"], edge=1).json()["result"]["content"][0]["text"] == "3"
    # Nothing that can be asked for there lets anybody write.
    answer = at.call(tokens["access_token"], "up_touch", **TOUCH)
    assert answer.status_code == 403
    assert 'error="insufficient_scope", scope="mesh.read", ' in answer.headers["www-authenticate"]


def test_who_is_not_allowed_by_the_mapping_does_not_come_in(at: Elsewhere) -> None:
    tokens = at.second.tokens(at.second.client(at.resource), "eve", "mesh.read")
    with refused(at.house, "unauthenticated"):
        answer = at.call(tokens["access_token"])
        assert answer.status_code == 401
        assert "may not come in" in answer.headers["www-authenticate"]


def test_an_id_token_is_no_access_token(at: Elsewhere) -> None:
    tokens = at.first.tokens(at.first.client(at.resource), "ada", "openid mesh.read")
    mine = {**at.first.claims(at.resource), "nonce": "n", "at_hash": "h"}
    reason = "does not say that it is an access token"
    assert_refused(at, (tokens["id_token"], reason), (at.first.sign(mine, {"typ": "JWT"}), reason))


def test_a_token_of_one_endpoint_is_good_there_and_nowhere_else(at: Elsewhere) -> None:
    path = "/mcp/b/echo"
    token = at.first.tokens(at.first.client(at.house.url + path), "ada", "mesh.read")["access_token"]
    assert at.call(token, "add", path=path).status_code == 200
    assert_refused(at, (token, "is for another resource"))
    assert_refused(at, (at.token(), "is for another resource"), path=path)
    assert_refused(at, (at.token(), "is for another resource"), path="/mcp/b/nothing")


def test_what_its_server_signed_but_is_not_for_us_now_is_refused(at: Elsewhere) -> None:
    now = int(time.time())
    cases: list[tuple[dict[str, Any], str]] = [
        ({"aud": "https://other.example/mcp"}, "is for another resource"),
        ({"aud": f"{at.resource}/"}, "is for another resource"),
        ({"aud": None}, "is for another resource"),
        ({"aud": ["https://other.example/mcp", 7, None]}, "is for another resource"),
        ({"aud": {"a": 1}}, "is for another resource"),
        ({"exp": now - 31}, "has expired"),
        ({"exp": None}, "does not say when it expires"),
        ({"exp": "soon"}, "a time that is none"),
        ({"exp": True}, "a time that is none"),
        ({"exp": 10**400}, "a time that is none"),
        ({"exp": now + 3 * 24 * 3600}, "lives for longer"),
        ({"nbf": now + 600}, "is not valid yet"),
        ({"iat": now + 600}, "is not valid yet"),
        ({"sub": None}, "who it is"),
        ({"sub": ""}, "who it is"),
        ({"sub": ["ada"]}, "who it is"),
        ({"client_id": None}, "which client"),
        ({"client_id": 7}, "which client"),
        ({"scope": {"a": 1}}, "scopes that are none"),
        ({"groups": {"ops": 1}}, "groups"),
        ({"cnf": {"jkt": "thumbprint"}}, "bound to a key"),
        ({"iss": "https://unknown.example"}, "is not known"),
        ({"iss": f"{at.first.issuer}/"}, "is not known"),
        ({"iss": None}, "is not known"),
        ({"iss": ["x"]}, "is not known"),
    ]
    assert at.call(at.token()).status_code == 200
    assert at.call(at.token(aud=["https://other.example", at.resource], nbf=now, exp=now - 20)).status_code == 200
    assert_refused(at, *((at.token(**claims), reason) for claims, reason in cases))


def test_a_header_that_an_access_token_does_not_have_is_refused(at: Elsewhere) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"typ": None}, "does not say that it is an access token"),
        ({"typ": "JWT"}, "does not say that it is an access token"),
        ({"typ": "dpop+jwt"}, "does not say that it is an access token"),
        ({"typ": 7}, "does not say that it is an access token"),
        ({"kid": None}, "key that its issuer does not publish"),
        ({"kid": "another"}, "key that its issuer does not publish"),
        ({"kid": ["first-1"]}, "header that is not taken"),
        ({"kid": "first-id"}, "signature"),
        ({"crit": ["exp"], "exp": 1}, "header that is not taken"),
        ({"crit": []}, "header that is not taken"),
        ({"b64": True}, "header that is not taken"),
        ({"jwk": {"kty": "RSA"}}, "header that is not taken"),
        ({"jku": "http://127.0.0.1:1/jwks"}, "header that is not taken"),
        ({"x5u": "http://127.0.0.1:1/x"}, "header that is not taken"),
        ({"alg": "RS512"}, "algorithm that is not taken"),
        ({"alg": "rs256"}, "algorithm that is not taken"),
        ({"alg": None}, "algorithm that is not taken"),
        ({"alg": ["RS256"]}, "algorithm that is not taken"),
        ({"alg": "PS256"}, "key that its issuer does not publish"),
    ]
    found = []
    for changes, reason in cases:
        header = {"alg": "RS256", "typ": "at+jwt", "kid": "first-1", **changes}
        said = {name: value for name, value in header.items() if value is not None}
        found.append((forged(said, at.first.claims(at.resource), by_rsa(at.first.key)), reason))
    assert_refused(at, *found)


def test_a_token_of_the_full_media_type_is_good(at: Elsewhere) -> None:
    for typ in ("application/at+jwt", "AT+JWT"):
        assert at.call(at.token({"typ": typ})).status_code == 200


def test_a_token_that_was_changed_is_refused(at: Elsewhere) -> None:
    token = at.token(scope="mesh.read")
    header, claims, signature = token.split(".")
    assert at.call(token).status_code == 200
    more = encoded(at.first.claims(at.resource, scope="mesh.read mesh.write"))
    other = forged({"alg": "RS256", "typ": "at+jwt", "kid": "first-1"}, {}, by_rsa(at.first.key)).split(".")[2]
    changed = (f"{header}.{more}.{signature}", f"{header}.{claims}.{other}", f"{header}.{claims}.{signature[:-4]}")
    assert_refused(at, *((each, "signature") for each in changed))


def test_a_token_without_a_signature_or_signed_with_the_public_key_is_refused(at: Elsewhere) -> None:
    assert isinstance(at.first.key, RSAKey)
    public = at.first.key.public_key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claims = at.first.claims(at.resource)
    none = forged({"alg": "none", "typ": "at+jwt"}, claims, lambda text: b"x")
    cases = [(none, "algorithm that is not taken"), (none.rpartition(".")[0] + ".", "is not known")]
    for key in (public, public.strip(), json.dumps(at.first.key.as_dict(private=False)).encode()):
        header = {"alg": "HS256", "typ": "at+jwt", "kid": "first-1"}
        signed = f"{encoded(header)}.{encoded(claims)}"
        shared = f"{signed}.{encoded(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"
        cases.append((shared, "algorithm that is not taken"))
    assert_refused(at, *cases)


def test_a_stranger_s_key_with_a_known_id_is_no_key(at: Elsewhere) -> None:
    stranger = new_key("first-1")
    assert_refused(at, (at.first.sign(at.first.claims(at.resource), key=stranger), "signature"))


def test_one_server_can_t_sign_for_another(at: Elsewhere) -> None:
    first, second = at.first.claims(at.resource), at.second.claims(at.resource)
    # With the algorithm that both may use, too, and under the name of the other's key.
    both = at.second.sign(first, {"alg": "RS256", "kid": "first-1"}, at.second.keys[1])
    assert_refused(
        at,
        (at.first.sign(second), "algorithm that is not taken"),
        (at.second.sign(first), "key that its issuer does not publish"),
        (at.second.sign(first, {"kid": "first-1"}), "key that its issuer does not publish"),
        (at.first.sign(second, {"kid": "second-id"}, at.first.keys[1]), "algorithm that is not taken"),
        (both, "signature"),
    )


def test_what_can_t_be_read_safely_is_not_read(at: Elsewhere) -> None:
    issuer = f'"iss": "{at.first.issuer}"'.encode()
    bodies = [
        b"{" + issuer + b", " + issuer + b"}",
        b"[" * 200 + b"]" * 200,
        b"{" + issuer + b', "x": ' + b"[" * 20 + b"]" * 20 + b"}",
        b"{" + issuer,
        b"[" + issuer.split(b": ")[1] + b"]",
        b"{" + issuer + b', "x": "\xff"}',
        b"{" + issuer + b', "exp": NaN}',
    ]
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "first-1"}
    nonsense = ["..", "a.b.c", "e30.e30.e30", "eyJ.eyJ.", "a b.c.d", "e30=.e30.e30", "." * 3000]
    tokens = [*(forged(header, body, by_rsa(at.first.key)) for body in bodies), *nonsense]
    assert_refused(at, *((token, "is not known") for token in tokens))


def test_a_token_may_be_long_but_not_longer_than_is_taken(at: Elsewhere) -> None:
    def long(size: int) -> str:
        return at.token(padding="x" * size)

    assert at.call(long(8_000)).status_code == 200
    assert_refused(at, (long(13_000), "is not known"))


def test_a_server_that_can_t_be_asked_for_its_keys_is_no_yes_and_no_final_no(at: Elsewhere) -> None:
    token = at.first.sign({**at.first.claims(at.resource), "iss": NOWHERE})
    with refused(at.house, "authorization_server_away"):
        answer = at.call(token)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error"]["code"] == -32016
    assert "www-authenticate" not in answer.headers


def test_groups_are_what_the_mapping_makes_of_them_at_each_call(at: Elsewhere) -> None:
    """The same token, remembered or not: whoever has no plan that gives something may write nothing."""
    token = at.token(groups=["ops"])
    assert not at.call(token, "up_touch", **TOUCH).json()["result"].get("isError")
    try:
        at.write(first="plans: {other: pro}")
        wait_until(lambda: "error" in at.call(token, "up_touch", **TOUCH).json(), "ops is nothing any more", 10)
        assert at.call(token).status_code == 200, "the free plan reads"
        at.write(first="blocked: [ada]")
        wait_until(lambda: at.call(token).status_code == 401, "ada is out", 10)
        at.write(with_first=False)
        wait_until(lambda: "is not known" in at.call(token).headers.get("www-authenticate", ""), "its server is out", 10)
        assert (
            at.house.a.get("/.well-known/oauth-protected-resource").json()["authorization_servers"][0] == at.second.issuer
        )
    finally:
        at.write()
    wait_until(lambda: not at.call(token, "up_touch", **TOUCH).json().get("error"), "all is as before", 10)


def test_a_file_that_can_t_be_read_changes_nothing(at: Elsewhere) -> None:
    token, before = at.token(), at.house.running.edges[0][0].output()
    try:
        at.file.write_text("servers:\n  - issuer: http://public.example\n")
        wait_until(lambda: "not taken over" in at.house.running.edges[0][0].output()[len(before) :], "it was looked at")
        assert "authorization-servers.yaml:2" in at.house.running.edges[0][0].output()
        assert at.call(token).status_code == 200
    finally:
        at.write()


def test_a_token_with_too_little_scope_is_told_what_to_ask_its_own_server_for(at: Elsewhere) -> None:
    token = at.first.tokens(at.first.client(at.resource), "ada", "mesh.read")["access_token"]
    assert at.call(token).status_code == 200
    for edge in (0, 1):
        with refused(at.house, "insufficient_scope"):
            answer = at.call(token, "up_touch", edge=edge, **TOUCH)
        assert answer.status_code == 403
        assert 'error="insufficient_scope", scope="mesh.read mesh.write", ' in answer.headers["www-authenticate"]
        assert answer.json()["error"]["data"]["scope"] == "mesh.read mesh.write"
    nothing = at.token(scope="email profile")
    assert 'scope="mesh.read", ' in at.call(nothing).headers["www-authenticate"]


def test_our_own_tokens_are_good_as_before_and_named_as_before(at: Elsewhere) -> None:
    client = at.house.client()
    token = at.house.tokens(client, scope="tools:read")["access_token"]
    assert at.call(token).status_code == 200
    answer = at.call(token, "up_touch", **TOUCH)
    assert 'scope="tools:read tools:write", ' in answer.headers["www-authenticate"]


def test_a_token_is_found_in_no_log(at: Elsewhere) -> None:
    """What was refused, too."""
    good, bad = at.token(), at.token(aud="https://other.example")
    at.call(good)
    at.call(bad)
    for token in (good, bad):
        assert_in_no_log(at.house, token, *token.split(".")[1:])
