"""2: what keeps a client without a token from being told to log in, and who does."""

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.bends import Answer, Bend
from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor, assert_found, levels, shown
from tests.oauth.house import RULES
from toolmesh.doctor.challenges import challenges
from toolmesh.doctor.finding import Level

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
ENDPOINT, ALL = "/mcp", "*"
EACH = {"challenge.discover", "challenge.initialize", "challenge.get"}
CLOUDFLARE = {"server": "cloudflare", "cf-mitigated": "challenge"}


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        pytest.param(bends.page(200, "<html><body>ngrok"), ("ngrok's own page", "cloudflared"), id="ngrok"),
        pytest.param(
            bends.Instead(404, b"x", "text/plain", {"ngrok-error-code": "ERR_NGROK_3200"}),
            ("ngrok's own page", "the tunnel is up"),
            id="a tunnel that is down",
        ),
        pytest.param(
            bends.Instead(403, b"<html>Just a moment", "text/html", CLOUDFLARE),
            ("Cloudflare takes the client for a bot", "chatgpt-connectors.json"),
            id="Cloudflare",
        ),
        pytest.param(
            bends.Instead(403, b"", "text/plain", {"x-amzn-waf-action": "challenge"}),
            ("firewall takes the client for a bot", "exception from bot rules"),
            id="another firewall",
        ),
        pytest.param(
            bends.Instead(421, b'{"error": "bad_host"}'),
            ("does not take localhost for its own name", "TOOLMESH_ALLOWED_HOSTS", "proxy_set_header Host"),
            id="protection of the Host",
        ),
        pytest.param(
            bends.Instead(403, b"Invalid Origin header", "text/plain"),
            ("a foreign web page", "TOOLMESH_ALLOWED_ORIGINS"),
            id="protection of the Origin",
        ),
        pytest.param(
            bends.Instead(401, b"", "text/plain", {"www-authenticate": 'Basic realm="admin"'}),
            ("a log-in of its own stands in front", "forward auth"),
            id="basic auth in front",
        ),
        pytest.param(
            bends.redirect("https://team.cloudflareaccess.com/cdn-cgi/access/login/x", 302),
            ("a log-in of its own stands in front", "Take the proxy's own log-in"),
            id="an access page in front",
        ),
        pytest.param(bends.redirect("/elsewhere", 302), ("follow no redirect",), id="a redirect"),
        pytest.param(bends.Instead(502, b"Bad Gateway", "text/plain"), ("does not reach the server", "/readyz"), id="502"),
        pytest.param(bends.Instead(500, b"{}"), ("the server failed", "log"), id="500"),
        pytest.param(bends.Instead(429, b"{}"), ("takes no more requests", "Wait for a minute"), id="429"),
        pytest.param(bends.Instead(404, b"{}"), ("nothing of the kind at this path", "ToolMesh: /mcp"), id="404"),
        pytest.param(bends.page(200, "<html><body>Welcome"), ("it is a web page", "`Welcome`"), id="a website"),
        pytest.param(bends.Instead(403, b"{}"), ("it is forbidden", "a 401 alone"), id="403"),
        pytest.param(bends.Instead(418, b"{}"), ("answered 418", "log"), id="anything else"),
    ],
)
def test_who_answers_in_place_of_the_server_is_told_apart(
    doctor: Doctor, bend: bends.Change, words: tuple[str, ...]
) -> None:
    report = doctor.look("challenge", Bend(ENDPOINT, "POST", bend))
    for check in ("challenge.discover", "challenge.initialize"):
        assert_found(report, check, FAIL, *words, "401 with a Bearer challenge")
    assert_found(report, "challenge.get", PASS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(bends.Header("www-authenticate", None), ("without WWW-Authenticate", "proxy_hide_header"), id="none"),
        pytest.param(
            bends.Header("www-authenticate", 'Bearer resource_metadata="https'),
            ("can't be read", "Answer 401 with"),
            id="cut off",
        ),
        pytest.param(
            bends.Header("www-authenticate", 'Bearer realm="x"'),
            ("has no resource_metadata", "Answer 401 with"),
            id="without the document",
        ),
    ],
)
def test_a_challenge_that_leads_nowhere(doctor: Doctor, change: bends.Change, words: tuple[str, ...]) -> None:
    report = doctor.look("challenge", Bend(ENDPOINT, ALL, change))
    assert set(levels(report, FAIL)) == EACH
    for check in EACH:
        assert_found(report, check, FAIL, *words)
    assert_found(report, "challenge.origin", SKIP)


def test_one_way_in_that_is_broken_is_named(doctor: Doctor) -> None:
    for method, name in (("server/discover", "challenge.discover"), ("initialize", "challenge.initialize")):
        report = doctor.look("challenge", Bend(ENDPOINT, "POST", bends.Status(403), bends.rpc(method)))
        assert levels(report, FAIL) == [name], shown(report)
    report = doctor.look("challenge", Bend(ENDPOINT, "GET", bends.Status(405)))
    assert levels(report, FAIL) == ["challenge.get"]


def test_a_challenge_that_names_another_host(doctor: Doctor) -> None:
    bend = bends.Replaced("www-authenticate", "https://localhost:[0-9]+", "http://10.0.0.5:8123")
    report = doctor.look("challenge", Bend(ENDPOINT, ALL, bend))
    assert_found(report, "challenge.origin", FAIL, "`http://10.0.0.5:8123/", "Set TOOLMESH_ISSUER to https://localhost")


def test_replicas_that_name_different_documents(doctor: Doctor) -> None:
    bend = bends.Replaced("www-authenticate", "oauth-protected-resource/mcp", "oauth-protected-resource")
    report = doctor.look("challenge", Bend(ENDPOINT, "GET", bend))
    assert_found(report, "challenge.origin", WARN, "different documents", "same configuration")


def test_a_dropped_connection_ends_the_group_and_nothing_else(doctor: Doctor) -> None:
    report = doctor.look("prm", Bend(ENDPOINT, "POST", bends.Dropped()))
    assert_found(report, "challenge.answered", FAIL, "the connection was dropped", "log")
    assert_found(report, "prm.resource", PASS)


def test_an_answer_of_another_shape_does_not_end_the_visit(doctor: Doctor) -> None:
    def odd(_asked: bends.Asked) -> Answer:
        return Answer(200, CIMultiDict({"content-type": "application/json"}), b'[{"result": 1}, null]')

    report = doctor.look("prm", Bend(ENDPOINT, "POST", bends.Computed(odd)))
    assert_found(report, "challenge.discover", FAIL, "answered 200")
    assert_found(report, "prm.resource", PASS)


@pytest.fixture(scope="module")
def open_url(house: BrokenHouse) -> str:
    """The URL of an edge that asks for no log-in."""
    running = house.house.running
    (running.config / "authorization.yaml").write_text(f"{RULES}anonymous: {{allow: ['echo_*']}}\n")
    return f"{running.start_edge(TOOLMESH_ISSUER='', TOOLMESH_AUTH='none').url}/mcp"


@pytest.mark.parametrize("persona", ["chatgpt", "claude"])
def test_a_server_without_a_log_in_is_recognised(doctor: Doctor, open_url: str, persona: str) -> None:
    report = doctor.look("authorize", url=open_url, persona=persona)
    assert levels(report, FAIL) == [], shown(report)
    assert_found(report, "challenge.open", WARN, "whoever knows the URL gets in", "TOOLMESH_AUTH=none")
    assert_found(report, "prm.open", PASS, "describes none")
    assert_found(report, "metadata.answered", SKIP, "no log-in")
    assert_found(report, "registration.open", SKIP)
    assert_found(report, "authorize.answered", SKIP, "no authorization server")


@pytest.mark.parametrize(("persona", "level"), [("claude", FAIL), ("chatgpt", WARN)])
def test_a_log_in_that_is_described_and_not_asked_for(doctor: Doctor, persona: str, level: Level) -> None:
    answered = bends.Instead(200, b'{"jsonrpc": "2.0", "id": 0, "result": {}}')
    report = doctor.look("metadata", Bend(ENDPOINT, "POST", answered), persona=persona)
    assert_found(report, "prm.open", level, "describes a log-in all the same")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        ("Bearer", [("bearer", {})]),
        ('Bearer a="b", c=d', [("bearer", {"a": "b", "c": "d"})]),
        (
            'Basic realm="x", Bearer scope="a b", error="c\\"d"',
            [("basic", {"realm": "x"}), ("bearer", {"scope": "a b", "error": 'c"d'})],
        ),
        ("Negotiate YIIB+/9=, Bearer a=b", [("negotiate", {}), ("bearer", {"a": "b"})]),
        ('Bearer a="b', None),
        ("Bearer a=b a=c", None),
        ("Bearer a=b, a=c", None),
        ("=", None),
    ],
)
def test_a_header_of_challenges_is_read_as_the_rfc_has_it(
    header: str, found: list[tuple[str, dict[str, str]]] | None
) -> None:
    read = challenges(header)
    assert (None if read is None else [(each.scheme, dict(each.parameters)) for each in read]) == found


def test_a_server_without_a_log_in_need_not_know_what_a_wrong_token_is(doctor: Doctor) -> None:
    refused = Bend(ENDPOINT, "POST", bends.Instead(400, b"{}"), lambda asked: "toolmesh-doctor-wrong" in str(asked.message))
    answered = Bend(ENDPOINT, "POST", bends.Instead(200, b'{"jsonrpc": "2.0", "id": 0, "result": {}}'))
    report = doctor.look("mcp", refused, answered)
    assert_found(report, "mcp.wrong_token", PASS, "Nobody is asked")
