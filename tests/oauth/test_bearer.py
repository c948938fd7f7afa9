"""The bearer gate of an edge: what is no valid token for this very resource is refused, recorded, and starts nothing."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2
import pytest

from edge.oauth.secret_tokens import new_family, new_token
from shared.grants import ACCESS
from tests.mesh import API_KEY, wait_until
from tests.oauth.house import House
from tests.oauth.person import OAuthClient
from tests.oauth.recorded import Recorded
from tests.oauth.traces import assert_in_no_log, refused

ECHO = {"name": "up_echo", "arguments": {"message": "must never arrive"}}
SCOPE = 'scope="tools:read tools:write"'


@dataclass
class Held:
    """What a client of ada's holds, for `/mcp`."""

    recorded: Recorded
    client: OAuthClient
    access: str
    refresh: str

    @property
    def house(self) -> House:
        return self.recorded.house


@pytest.fixture(scope="module")
def held(recorded: Recorded) -> Held:
    client = recorded.house.client()
    tokens = recorded.house.tokens(client, scope="tools:read tools:write offline_access")
    return Held(recorded, client, tokens["access_token"], tokens["refresh_token"])


@pytest.fixture(autouse=True)
def nothing_arrives(recorded: Recorded) -> Iterator[None]:
    """Whatever is tried, no call with these arguments reaches the backend."""
    yield
    assert not any("must never arrive" in request["body"] for request in recorded.requests())


def challenge(house: House, path: str = "/mcp", *, presented: bool = True) -> str:
    """What a challenge says: `error` only where a credential was presented (RFC 6750 section 3.1)."""
    problem = 'error="invalid_token", error_description="' if presented else ""
    return f'Bearer {problem}|resource_metadata="{house.url}/.well-known/oauth-protected-resource{path}", {SCOPE}'


def post(held: "Held", path: str = "/mcp", authorization: str | None = None, url: str = "") -> httpx2.Response:
    """A call that must never arrive, with this Authorization header."""
    return held.recorded.post("tools/call", ECHO, authorization, path, url=url)


def assert_challenged(answer: httpx2.Response, expected: str) -> None:
    """401 with that challenge, no detail that would help, nothing for a cache."""
    assert answer.status_code == 401, answer.text
    start, _, end = expected.partition("|")
    said = answer.headers["www-authenticate"]
    assert said.startswith(start), said
    assert said.endswith(end), said
    assert start != "Bearer " or said == "Bearer " + end
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error"]["code"] == -32001


@pytest.mark.parametrize("method", ["server/discover", "tools/list", "tools/call", "initialize", "nonsense"])
def test_without_a_credential_nothing_is_told_but_where_to_get_one(held: Held, method: str) -> None:
    with refused(held.house, "unauthenticated"):
        assert_challenged(held.recorded.post(method), challenge(held.house, presented=False))


@pytest.mark.parametrize(
    ("path", "resource"),
    [("/mcp/", "/mcp/"), ("/mcp/b/up", "/mcp/b/up"), ("/mcp/b/nothing", "/mcp/b/nothing"), ("/messages", "/sse")],
)
def test_the_challenge_names_the_metadata_of_the_path_that_was_asked(held: Held, path: str, resource: str) -> None:
    with refused(held.house, "unauthenticated"):
        assert_challenged(post(held, path), challenge(held.house, resource, presented=False))
    metadata = held.recorded.http.get(f"{held.house.url}/.well-known/oauth-protected-resource{resource}").json()
    assert metadata["resource"] == held.house.url + resource


@pytest.mark.parametrize("path", ["/mcp", "/mcp/b/up", "/sse"])
def test_a_stream_that_is_opened_without_a_credential_is_challenged_too(held: Held, path: str) -> None:
    with refused(held.house, "unauthenticated"):
        headers = {"Accept": "text/event-stream"}
        answer = held.recorded.http.get(held.house.url + path, headers=headers)
        assert_challenged(answer, challenge(held.house, path, presented=False))


def test_another_scheme_counts_as_no_credential(held: Held) -> None:
    basic = base64.b64encode(f"owner:{API_KEY}".encode()).decode()
    for authorization in (f"Basic {basic}", f"DPoP {held.access}", held.access, f"Bearer{held.access}", "Bearer"):
        with refused(held.house, "unauthenticated"):
            answer = post(held, authorization=authorization)
            assert_challenged(answer, challenge(held.house, presented=False))
    assert_in_no_log(held.house, basic, held.access)


def test_a_token_with_one_byte_changed_is_refused_whichever_byte_it_is(held: Held) -> None:
    assert held.recorded.opens("/mcp", held.access)
    for at in random.Random(5).sample(range(len(held.access)), 40):
        flipped = held.access[:at] + chr(ord(held.access[at]) ^ 1) + held.access[at + 1 :]
        with refused(held.house, "unauthenticated"):
            assert_challenged(post(held, authorization=f"Bearer {flipped}"), challenge(held.house))
    assert held.recorded.opens("/mcp", held.access)


def forged(header: dict[str, object], claims: dict[str, object]) -> str:
    """A JSON Web Token as an attacker of another server would make it."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, "c2lnbmF0dXJl"])


def test_what_is_no_access_token_of_ours_is_refused(held: Held) -> None:
    """No JSON Web Token is read, so no header of one has an effect; a refresh token or a code opens nothing."""
    claims: dict[str, object] = {"sub": "ada", "iss": held.house.url, "aud": f"{held.house.url}/mcp", "exp": 2**40}
    person = held.house.person()
    code = held.client.code(person, "ada", "correct horse battery staple")
    person.close()
    tokens = [
        held.refresh,
        code,
        held.refresh.replace("tmrt_", "tmat_"),
        code.replace("tmac_", ACCESS),
        new_token(ACCESS, new_family()),
        held.access[:27] + new_token(ACCESS, new_family())[27:],
        held.access + held.access[-1],
        held.access[:-1],
        held.access + "=",
        f"{held.access} {held.access}",
        "tmat_" + "A" * 10_000,
        forged({"alg": "none"}, claims),
        forged({"alg": "nOnE", "typ": "at+jwt"}, claims),
        forged({"alg": "HS256", "kid": "../../dev/null"}, claims),
        forged({"alg": "RS256", "kid": "' OR 1=1 --"}, claims),
        forged({"alg": "RS256", "kid": "k" * 3000}, claims),
        forged({"alg": "RS256", "jku": "http://127.0.0.1:1/jwks", "crit": ["x"], "b64": False}, claims),
    ]
    for token in tokens:
        with refused(held.house, "unauthenticated"):
            assert_challenged(post(held, authorization=f"Bearer {token}"), challenge(held.house))
    assert_in_no_log(held.house, *tokens)
    assert held.client.exchange(code).status_code == 200, "a code that was tried as a token is still one"


def test_a_token_in_the_url_is_none_and_two_credentials_are_one_too_many(held: Held) -> None:
    token = held.access
    for query in (f"access_token={token}", f"a=1&access_token={token}", f"access%5Ftoken={token}"):
        with refused(held.house, "unauthenticated"):
            assert_challenged(post(held, f"/mcp?{query}"), challenge(held.house, presented=False))
        for credential in (token, API_KEY):
            with refused(held.house, "two_credentials"):
                answer = post(held, f"/mcp?{query}", f"Bearer {credential}")
                assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32600)
    assert_in_no_log(held.house, token)


def test_a_token_in_a_body_or_in_another_header_is_none(held: Held) -> None:
    for more in ({}, {"X_Api_Key": API_KEY}, {"Cookie": f"access_token={held.access}"}):
        with refused(held.house, "unauthenticated"):
            answer = held.recorded.post("tools/call", ECHO, meta={"access_token": held.access}, **more)
            assert_challenged(answer, challenge(held.house, presented=False))


def test_two_authorization_headers_are_refused(held: Held) -> None:
    headers = [("Authorization", f"Bearer {held.access}"), ("Authorization", f"Bearer {API_KEY}")]
    with refused(held.house, "refused"):
        answer = held.recorded.http.post(f"{held.house.url}/mcp", headers=headers, content=b"{}")
        assert answer.status_code == 400


RESOURCES = ("/mcp", "/mcp/b/up", "/mcp/b/echo", "/sse")


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_token_is_good_at_the_resource_that_it_was_asked_for_and_nowhere_else(held: Held, resource: str) -> None:
    client = held.house.client()
    client.resource = held.house.url + resource
    token = held.house.tokens(client)["access_token"]
    for path in RESOURCES:
        for edge in (held.house.a, held.house.b):
            if path == resource:
                assert held.recorded.opens(path, token, edge.url)
                continue
            with refused(held.house, "unauthenticated"):
                answer = post(held, "/messages" if path == "/sse" else path, f"Bearer {token}", edge.url)
                assert_challenged(answer, challenge(held.house, path))
    assert_in_no_log(held.house, token)


def test_a_token_that_has_expired_is_refused_on_every_edge(held: Held) -> None:
    hosts = held.house.url.removeprefix("http://")
    hasty = held.house.running.start_edge(
        TOOLMESH_ISSUER=held.house.url, TOOLMESH_ALLOWED_HOSTS=hosts, TOOLMESH_ACCESS_TOKEN_S="1.5"
    )
    client, person = held.house.client(), held.house.person()
    code = client.code(person, "ada", "correct horse battery staple")
    person.close()
    said = client.exchange(code, hasty.url).json()
    token = said["access_token"]
    urls = [held.house.a.url, held.house.b.url]
    # At once: stopping the edge that gave it may take longer than it lives.
    assert all(held.recorded.opens("/mcp", token, url) for url in urls)
    held.house.running.edges[-1][0].stop()
    assert said["expires_in"] == 1

    def expired() -> bool:
        # Asked all the time, so that what an edge remembers of it can't be what refuses.
        return not any(held.recorded.opens("/mcp", token, url) for url in urls)

    wait_until(expired, "the token has expired", 6)
    for url in urls:
        with refused(held.house, "unauthenticated"):
            assert_challenged(post(held, authorization=f"Bearer {token}", url=url), challenge(held.house))
        # ChatGPT that was idle for hours opens a stream before anything else.
        with refused(held.house, "unauthenticated"):
            idle = {"Accept": "text/event-stream", "User-Agent": "openai-mcp/1.0.0", "Authorization": f"Bearer {token}"}
            assert_challenged(held.recorded.http.get(f"{url}/mcp", headers=idle), challenge(held.house))


def test_a_wrong_key_is_refused_like_a_wrong_token(held: Held) -> None:
    for key in (API_KEY[:-1], API_KEY + "0", API_KEY.upper(), "tmk_" + "0" * 49):
        with refused(held.house, "unauthenticated"):
            assert_challenged(post(held, authorization=f"Bearer {key}"), challenge(held.house))


def test_a_page_that_may_call_may_read_what_is_answered(held: Held) -> None:
    """Over every way of answering: one message, an event stream, a refusal."""
    origin, http = held.house.url, held.recorded.http
    params = {"name": "up_slow_progress", "arguments": {"steps": 2, "step_ms": 10}}
    meta = {"progressToken": "p"}
    key, token = f"Bearer {API_KEY}", f"Bearer {held.access}"
    answers = [
        held.recorded.post("tools/list", None, token, Origin=origin),
        held.recorded.post("tools/call", params, token, Origin=origin, meta=meta),
        held.recorded.post("tools/list", None, None, Origin=origin),
    ]
    with http.stream("GET", f"{origin}/sse", headers={"Authorization": key, "Origin": origin}) as answer:
        answers.append(answer)
    assert [answer.status_code for answer in answers] == [200, 200, 401, 200]
    assert [answer.headers["content-type"].partition(";")[0] == "text/event-stream" for answer in answers] == [
        *(False, True, False, True),
    ]
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == [origin]
        assert answer.headers["vary"] == "Origin"
