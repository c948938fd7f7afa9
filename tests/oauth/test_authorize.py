"""What a client asks for at /authorize: what is wrong goes back to it with `state` and `iss`, or, where nobody is sure to
be the client, to a page (RFC 6749 section 4.1.2.1, RFC 9207, OAuth 2.1)."""

import contextlib
import http.client
import signal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.mesh import wait_until
from tests.oauth.house import PASSWORD, House
from tests.oauth.person import CALLBACK, OAuthClient, Person, query_of
from tests.oauth.traces import jobs, refused, written

_LONG = "x" * 2100

REDIRECTED: list[tuple[str, list[dict[str, Any]]]] = [
    (
        "unsupported_response_type",
        [{"response_type": each} for each in ("token", "id_token", "code token", "code code", "CODE")],
    ),
    ("invalid_request", [{"response_type": each} for each in (None, "")]),
    ("invalid_request", [{"code_challenge_method": each} for each in ("plain", None, "", "s256", "S512", "none", "S256 ")]),
    (
        "invalid_request",
        [
            {"code_challenge": each}
            for each in (None, "", "a" * 42, "a" * 44, "a" * 129, "a" * 42 + "=", "a" * 42 + "+", "a" * 42 + "/")
        ],
    ),
    ("invalid_request", [{"response_mode": each} for each in ("form_post", "fragment", "query.jwt", "web_message", "jwt")]),
    ("invalid_request", [{"request": "e30.e30."}, {"request_uri": "https://client.example/request"}]),
    (
        "invalid_target",
        [
            {"resource": each}
            for each in (
                "https://other.example/mcp",
                "{url}/mcp#frag",
                "{url}/mcp#",
                "{url}/mcp?x=1",
                "{url}/mcp?",
                "{url}/mcp//",
                "{url}/MCP",
                "{url}",
                "{url}/",
                "{url}/other",
                "{url}/mcp/b/",
                "{url}/mcp/b/Notes",
                "{url}/mcp/../mcp",
                "{url}.evil.example/mcp",
                "http://user@{host}/mcp",
                "https://{host}/mcp",
                "//{host}/mcp",
                "/mcp",
                "mcp",
                "http://[/mcp",
                "{url}/mcp/b/" + _LONG,
            )
        ],
    ),
    (
        "invalid_target",
        [{"resource": ["{url}/mcp", "https://other.example/mcp"]}, {"resource": ["{url}/mcp", "{url}/mcp"]}],
    ),
    ("invalid_scope", [{"scope": each} for each in ("admin", "tools:read admin", "openid", "tools:*", "tools:READ")]),
    ("invalid_scope", [{"scope": " ".join(f"w{number}" for number in range(1200))}]),
]

NAMES = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")

UNREADABLE = [
    *(f"state={quote(each)}" for each in ("\x00", "a\nb", "a\tb", "ü", "\x7f", "\u202e")),
    *(f"{name}={quote(each)}" for name in ("scope", "nonce") for each in ('"', "\\", "\r\n", "ü")),
    "%22=x",
    "state=%ff",
    "scope=" + "x" * 8193,
    "x" * 8193 + "=x",
    "&".join(f"f{number}=x" for number in range(60)),
]


def filled(at: House, change: dict[str, Any]) -> dict[str, Any]:
    """With the public URL of this house."""

    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(each) for each in value]
        return value and value.replace("{url}", at.url).replace("{host}", at.url.removeprefix("http://"))

    return {name: fill(value) for name, value in change.items()}


def assert_a_page(answer: Any, status: int = 400) -> None:
    assert (answer.status_code, answer.headers.get("location"), answer.headers.get("set-cookie")) == (status, None, None)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(("error", "changes"), REDIRECTED)
def test_what_a_known_client_asks_wrongly_goes_back_to_it(
    at: House, client: OAuthClient, person: Person, error: str, changes: list[dict[str, Any]]
) -> None:
    issuer = at.a.get("/.well-known/oauth-authorization-server").json()["issuer"]
    with refused(at, "authorize_refused", len(changes)):
        answers = [person.get(client.authorize_path(**filled(at, change))) for change in changes]
    for change, answer in zip(changes, answers, strict=True):
        found = query_of(answer)
        location = answer.headers["location"]
        assert (found["error"], found["state"], found["iss"]) == (error, client.state, issuer), change
        assert location.startswith(f"{CALLBACK}?")
        assert "#" not in location
        assert len(location) < 1000
        assert set(found) <= {"error", "error_description", "state", "iss"}
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_that_appears_twice_gets_a_page(at: House, client: OAuthClient, person: Person, name: str) -> None:
    parameters = client.parameters()
    own = parameters[name]
    others = [own, "", "x", "https://evil.example/cb"]
    with refused(at, "authorize_refused", 2 * len(others)):
        for other in others:
            for pair in ([own, other], [other, own]):
                assert_a_page(person.get(f"/authorize?{urlencode({**parameters, name: pair}, doseq=True)}"))


@pytest.mark.parametrize("more", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_can_not_be_read_gets_a_page(at: House, client: OAuthClient, person: Person, more: str) -> None:
    left_out = more.partition("=")[0]
    parameters = client.parameters(**{left_out: None} if left_out in NAMES else {})
    with refused(at, "authorize_refused"):
        assert_a_page(person.get(f"/authorize?{urlencode(parameters)}&{more}"))


@pytest.mark.parametrize(
    "state", ['{"to": "/a?b=c&d", "n": "x\\\\y"}', "a b+c%20d/e=f&g#h", "<script>alert(1)</script>", "s" * 4000, None, ""]
)
def test_a_state_comes_back_as_it_was_sent(client: OAuthClient, person: Person, state: str | None) -> None:
    found = query_of(person.get(client.authorize_path(state=state, response_type="token")))
    assert found.get("state") == (state or None)


def test_the_query_of_a_redirect_uri_is_kept(at: House, person: Person) -> None:
    client = at.client(redirect_uris=[f"{CALLBACK}?tenant=a%26b&x="])
    found = query_of(person.get(client.authorize_path(scope="admin")))
    assert (found["tenant"], found["x"], found["error"], found["state"]) == ("a&b", "", "invalid_scope", client.state)
    code = client.code(person, "ada", PASSWORD)
    assert client.exchange(code).status_code == 200


@pytest.mark.parametrize(
    ("resource", "granted"),
    [
        (None, "/mcp"),
        ("", "/mcp"),
        ("{url}/mcp", "/mcp"),
        ("{url}/mcp/", "/mcp"),
        ("HTTP://{host}/mcp", "/mcp"),
        ("{url}/mcp/b/echo", "/mcp/b/echo"),
        ("{url}/sse", "/sse"),
    ],
)
def test_a_resource_of_this_server_is_taken_in_its_one_form(
    at: House, client: OAuthClient, person: Person, resource: str | None, granted: str
) -> None:
    answer = person.get(client.authorize_path(**filled(at, {"resource": resource})))
    answer = person.log_in(answer, "ada", PASSWORD)
    assert f'<dd class="host">{at.url}{granted}</dd>' in person.get(answer.headers["location"]).text


def test_without_a_scope_the_one_of_the_challenge_is_asked_for(client: OAuthClient, person: Person) -> None:
    answer = person.log_in(person.get(client.authorize_path(scope=None)), "ada", PASSWORD)
    page = person.get(answer.headers["location"]).text
    assert [scope in page for scope in ("tools:read", "tools:write", "offline_access")] == [True, True, False]


def test_who_must_not_be_asked_is_not_let_through_and_not_sent_away(at: House, client: OAuthClient, person: Person) -> None:
    """`prompt=none` would make this server a way to bounce a browser to a client that nobody allowed anything."""
    with refused(at, "authorize_refused"):
        assert_a_page(person.get(client.authorize_path(prompt="none")))
    client.code(person, "ada", PASSWORD)
    with refused(at, "authorize_refused"):
        assert_a_page(person.get(client.authorize_path(prompt="none")))


def test_parameters_that_nobody_knows_change_nothing(client: OAuthClient, person: Person) -> None:
    extra = {"nonce": "n", "display": "popup", "ui_locales": "de", "response_mode": "query", "prompt": "login"}
    answer = person.get(client.authorize_path(**extra))
    assert answer.status_code == 303
    assert "/login?rid=" in answer.headers["location"]


def test_only_the_id_of_the_request_is_in_the_address_of_the_pages(at: House, client: OAuthClient, person: Person) -> None:
    answer = person.get(client.authorize_path())
    url = urlsplit(answer.headers["location"])
    assert (f"{url.scheme}://{url.netloc}", url.path) == (at.url, "/login")
    assert list(query_of(answer)) == ["rid"]


@pytest.mark.parametrize(
    "scope",
    [" ".join(f"{number:05d}" for number in range(10_000)), "w" * 65_000, "w" * 500_000],
    ids=["10,000 words", "64 KB", "500 KB"],
)
def test_an_enormous_scope_is_refused_and_costs_nothing(at: House, client: OAuthClient, person: Person, scope: str) -> None:
    path = client.authorize_path(scope=scope)

    def ask() -> None:
        assert {status_of(at, path) for _ in range(20)} <= {400, 414, 431}

    ask()
    before, jobs_before = memory(at), jobs(at)
    ask()
    assert memory(at) - before < 5_000_000
    assert jobs(at) == jobs_before
    assert person.get(client.authorize_path()).status_code == 303


def status_of(at: House, path: str) -> int:
    """By a client that sends a path however long it is."""
    connection = http.client.HTTPConnection(at.url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def memory(at: House) -> int:
    """Bytes that the first edge holds (proc(5), statm)."""
    process, _ = at.running.edges[0]
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096


def test_a_flood_of_one_address_is_told_to_come_later(at: House, client: OAuthClient) -> None:
    few = at.running.start_edge(TOOLMESH_ISSUER=at.url, TOOLMESH_AUTHORIZATIONS_PER_MIN_MAX="3")
    person = Person(few.url)
    assert [person.get(client.authorize_path()).status_code for _ in range(3)] == [303] * 3
    before = written(at)
    answer = person.get(client.authorize_path())
    assert_a_page(answer, 429)
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert written(at) == before, "a flood fills no audit"
    person.close()


def test_where_the_broker_can_not_be_asked_nobody_is_sent_anywhere(at: House, client: OAuthClient, person: Person) -> None:
    assert person.get(client.authorize_path()).status_code == 303
    at.running.broker.process.send(signal.SIGSTOP)
    try:
        answer = person.get(client.authorize_path())
    finally:
        at.running.broker.process.send(signal.SIGCONT)
    assert_a_page(answer, 503)
    assert int(answer.headers["retry-after"]) >= 1
    wait_until(lambda: person.get(client.authorize_path()).status_code == 303, "the edge has its broker again")
