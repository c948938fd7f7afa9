"""A code for tokens at two edges (RFC 6749 section 4.1.3; RFC 7636; RFC 8707): whatever is wrong gets nothing."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from edge.oauth.secret_tokens import digest_of, new_family, new_token
from shared import log_in_keys
from shared.codec import seal
from shared.grants import CODE, AuthorizationCode, Family, Grant
from shared.mesh_keys import parse_key_ring
from tests.mesh import mesh_keys
from tests.oauth.connections import Connections, assert_refused, send
from tests.oauth.person import CALLBACK, OAuthClient, pkce
from tests.oauth.traces import assert_in_no_log, records, refused

RING = parse_key_ring(mesh_keys())
OTHERS = mesh_keys().replace(":k1:Z", ":k1:a")
"""Keys with which nobody signs here."""

BAD_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("another verifier", {"code_verifier": "v" * 43}, "invalid_grant"),
    ("no verifier", {"code_verifier": None}, "invalid_request"),
    ("an empty verifier", {"code_verifier": ""}, "invalid_request"),
    ("a verifier of 42", {"code_verifier": "v" * 42}, "invalid_request"),
    ("a verifier of 129", {"code_verifier": "v" * 129}, "invalid_request"),
    ("a verifier with a space", {"code_verifier": "v" * 42 + " "}, "invalid_request"),
    ("a verifier that is no ASCII", {"code_verifier": "é" * 43}, "invalid_request"),
    ("another redirect URI", {"redirect_uri": f"{CALLBACK}/"}, "invalid_grant"),
    ("another resource of ours", {"resource": "{url}/mcp/b/echo"}, "invalid_target"),
    ("a resource of somebody else", {"resource": "https://other.example/mcp"}, "invalid_target"),
    ("two resources", {"resource": ["{url}/mcp", "{url}/mcp/b/echo"]}, "invalid_target"),
    ("no code", {"code": None}, "invalid_request"),
    ("two codes", {"code": ["{code}", "{code}"]}, "invalid_request"),
    ("a code that is none", {"code": "x" * 40}, "invalid_grant"),
    ("a code that nobody gave out", {"code": new_token(CODE, new_family())}, "invalid_grant"),
    ("a code with one character changed", {"code": "{code}~"}, "invalid_grant"),
    ("no grant type", {"grant_type": None}, "invalid_request"),
    ("two grant types", {"grant_type": ["authorization_code", "authorization_code"]}, "invalid_request"),
    ("a quote in a field", {"anything": 'a"b'}, "invalid_request"),
    *(
        (f"grant type {kind}", {"grant_type": kind}, "unsupported_grant_type")
        for kind in (
            "password",
            "implicit",
            "client_credentials",
            "Authorization_Code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        )
    ),
]


@pytest.fixture(scope="module")
def client(connections: Connections) -> OAuthClient:
    """One client for the tests that need no other."""
    return connections.house.client()


@pytest.mark.parametrize(("changes", "error"), [pytest.param(c, e, id=name) for name, c, e in BAD_FIELDS])
def test_a_request_with_something_wrong_in_it_gets_nothing_and_takes_no_code_away(
    connections: Connections, client: OAuthClient, changes: dict[str, Any], error: str
) -> None:
    code = connections.code(client)
    fields = client.token_fields(
        grant_type="authorization_code",
        code=code,
        redirect_uri=CALLBACK,
        code_verifier=client.verifier,
    )
    fields |= {name: _filled(value, url=client.url, code=code) for name, value in changes.items()}
    sent = {name: value for name, value in fields.items() if value is not None}
    with refused(connections.house, "token_refused"):
        assert_refused(send(connections.house.b.url, "/token", sent), 400, error)
    assert_in_no_log(connections.house, code, client.verifier, client.state)
    assert client.exchange(code).status_code == 200


def _filled(value: Any, **values: str) -> Any:
    if isinstance(value, list):
        return [_filled(each, **values) for each in value]
    return value.format(**values) if isinstance(value, str) and "{" in value else value


@pytest.mark.parametrize(
    "changes",
    [{}, {"redirect_uri": None}, {"resource": None}, {"resource": "{url}/mcp/"}, {"unknown_field": "let pass"}],
    ids=["all that there is", "no redirect URI", "no resource", "a resource with a slash", "a field that means nothing"],
)
def test_what_may_be_left_out_may_be_left_out_and_tokens_are_for_one_resource(
    connections: Connections, client: OAuthClient, changes: dict[str, Any]
) -> None:
    code = connections.code(client)
    filled = {name: _filled(value, url=client.url) for name, value in changes.items()}
    answer = client.exchange(code, connections.house.b.url, **filled)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 3600, "tools:read tools:write")
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert_in_no_log(connections.house, said["access_token"], said["refresh_token"], code, client.verifier)


def test_a_code_is_for_the_client_that_asked_for_it(connections: Connections, client: OAuthClient) -> None:
    other = connections.house.client()
    code = connections.code(client)
    with refused(connections.house, "token_refused"):
        assert_refused(client.exchange(code, client_id=other.client_id), 400, "invalid_grant")
    assert client.exchange(code).status_code == 200


@pytest.mark.parametrize("with_the_verifier", [True, False], ids=["by the client", "by somebody without the verifier"])
def test_a_code_that_is_brought_twice_ends_what_came_of_it_at_both_edges(
    connections: Connections, with_the_verifier: bool
) -> None:
    found = connections.connect()
    first = found.access
    found.renew(edge=1)
    found.assert_works(first)
    found.assert_works()
    verifier = found.client.verifier if with_the_verifier else "v" * 43
    with refused(connections.house, "code_replay"):
        again = found.client.exchange(found.code, connections.house.b.url, code_verifier=verifier)
    assert_refused(again, 400, "invalid_grant")
    found.assert_ended(first)
    last = [r for r in records(connections.house) if r["code"] == "code_replay"][-1]
    assert (last["subject"], last["caller_id"]) == ("ada", found.client.client_id)
    assert_in_no_log(connections.house, found.code, first, found.access, found.refresh)


def test_a_code_lives_for_a_minute(connections: Connections, client: OAuthClient) -> None:
    code = connections.code(client)
    with connections.house.running.broker.client() as broker:
        assert 0 < broker.pttl(log_in_keys.authorization_code(digest_of(code))) <= 60_000
        broker.pexpire(log_in_keys.authorization_code(digest_of(code)), -1)
    with refused(connections.house, "token_refused"):
        assert_refused(client.exchange(code), 400, "invalid_grant")


Change = Callable[[AuthorizationCode], AuthorizationCode]


@pytest.mark.parametrize(
    ("ring", "change", "error"),
    [
        (mesh_keys(), lambda code: msgspec.structs.replace(code, challenge=""), "invalid_request"),
        (OTHERS, lambda code: code, "invalid_grant"),
        (mesh_keys(), lambda code: msgspec.structs.replace(code, digest="0" * 64), "invalid_grant"),
    ],
    ids=["without a challenge", "signed by somebody else", "copied from another code"],
)
def test_a_code_that_was_written_into_the_broker_gets_nothing(
    connections: Connections, client: OAuthClient, ring: str, change: Change, error: str
) -> None:
    """PKCE is no weaker for what lies there (RFC 9700 section 4.8.2)."""
    family = new_family()
    code = new_token(CODE, family)
    client.verifier, challenge = pkce()
    with connections.house.running.broker.client() as broker:
        now_ms = int(broker.time()[0]) * 1000
        grant = Grant(
            family=family,
            client_id=client.client_id,
            client_name="",
            subject="ada",
            scopes=("tools:read",),
            resource=f"{client.url}/mcp",
            started_ms=now_ms,
        )
        record = AuthorizationCode(digest=digest_of(code), grant=grant, redirect_uri=CALLBACK, challenge=challenge)
        broker.hset(
            log_in_keys.family(family), mapping={"r": seal(RING, "edge", Family(grant=grant)), "n": 0, "at": now_ms}
        )
        broker.set(
            log_in_keys.authorization_code(digest_of(code)), seal(parse_key_ring(ring), "edge", change(record)), px=60_000
        )
    assert_refused(client.exchange(code), 400, error)
    with connections.house.running.broker.client() as broker:
        assert list(broker.scan_iter("tm-auth:access:*")) == _accesses_of_others(broker, family)


def _accesses_of_others(broker: Any, family: str) -> list[bytes]:
    found: list[bytes] = list(broker.scan_iter("tm-auth:access:*"))
    return [key for key in found if family.encode() not in (broker.get(key) or b"")]


FORM = "application/x-www-form-urlencoded"
BODIES: list[tuple[str, bytes, str, int]] = [
    ("a megabyte", b"grant_type=authorization_code&code=" + b"x" * 1_000_000, FORM, 413),
    ("a field of 900 KB", b"code=" + b"x" * 900_000, FORM, 413),
    ("a thousand fields", b"&".join(b"f%d=1" % n for n in range(1000)), FORM, 413),
    ("65 fields", b"&".join(b"f%d=1" % n for n in range(65)), FORM, 413),
    ("a field of 9 KB", b"grant_type=authorization_code&code=" + b"x" * 9_000, FORM, 400),
    ("multipart", b"--b\r\nContent-Disposition: form-data\r\n\r\n" * 1_000, "multipart/form-data; boundary=b", 415),
    ("JSON", b'{"grant_type":"authorization_code"}', "application/json", 415),
    ("no type", b"grant_type=authorization_code", "", 415),
    ("no UTF-8", b"grant_type=%ff%fe", FORM, 400),
    ("no ASCII", "grant_type=é".encode(), FORM, 400),
    ("nothing", b"", FORM, 400),
]


@pytest.mark.parametrize(("body", "kind", "status"), [pytest.param(*row[1:], id=row[0]) for row in BODIES])
def test_a_body_that_can_not_be_read_is_refused_before_anything_looks_at_it(
    connections: Connections, body: bytes, kind: str, status: int
) -> None:
    with refused(connections.house, "token_refused"):
        answer = send(connections.house.url, "/token", body, **{"content-type": kind})
        assert_refused(answer, status, "invalid_request")


def test_the_broker_holds_no_secret_as_it_is(connections: Connections) -> None:
    """Tokens, codes, client secrets, browsers and pending requests lie there under their SHA-256."""
    house = connections.house
    person = house.person()
    client = house.client(token_endpoint_auth_method="client_secret_post")
    found = connections.connect(client, prompt=None)
    before = found.refresh, found.access
    found.renew()
    waiting = client.code(connections.person(), "ada", "")
    page = person.get(client.authorize_path())
    rid = page.headers["location"].partition("rid=")[2]
    given = [*before, found.access, found.refresh, found.code, waiting, client.secret or "", rid]
    given += [cookie.value or "" for browser in (person, connections.person()) for cookie in browser.http.cookies.jar]
    person.close()
    secret_parts = [re.split(r"[.]", each)[-1][-43:] for each in given]
    assert all(len(part) >= 22 for part in secret_parts), "each is long enough to be found, and to be found by nobody else"
    assert all(len(each.partition("_")[2]) >= 22 + 43 for each in (*before, found.access, found.refresh, found.code))
    text = b"\n".join(_dump(house.running.broker.client()))
    assert digest_of(found.access).encode() in text
    assert [part for part in (*given, *secret_parts) if part.encode() in text] == []
    assert_in_no_log(house, *given)


def _dump(broker: Any) -> Iterator[bytes]:
    with broker:
        for key in broker.scan_iter(count=1000):
            yield key
            kind = broker.type(key)
            if kind == b"string":
                yield broker.get(key) or b""
            elif kind == b"hash":
                yield from (part for pair in broker.hgetall(key).items() for part in pair)
            elif kind == b"stream":
                yield from (part for _, fields in broker.xrange(key) for pair in fields.items() for part in pair)
            elif kind == b"zset":
                yield from broker.zrange(key, 0, -1)
            elif kind == b"set":
                yield from broker.smembers(key)
            else:
                yield from broker.lrange(key, 0, -1)


def test_no_two_tokens_are_alike(connections: Connections, client: OAuthClient) -> None:
    found = [connections.connect(client) for _ in range(5)]
    made = [token[-43:] for each in found for token in (each.access, each.refresh, each.code)]
    assert len(set(made)) == len(made)
    assert len({each.family for each in found}) == len(found)
    assert all(secrets.compare_digest(each.access[5:27], each.refresh[5:27]) for each in found)
