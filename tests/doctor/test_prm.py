"""3: what can be wrong with the protected resource's metadata."""

import pytest

from tests.doctor import bends
from tests.doctor.bends import Bend
from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor, assert_found, levels, shown
from toolmesh.doctor.finding import Level

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
ROOT = "/.well-known/oauth-protected-resource"
PATH = f"{ROOT}/mcp"


def both(change: bends.Change) -> tuple[Bend, Bend]:
    return Bend(ROOT, "GET", change), Bend(PATH, "GET", change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(bends.Instead(404, b"{}"), ("answered 404", "nothing of the kind"), id="404"),
        pytest.param(bends.Instead(401, b"{}"), ("discovery itself wants a log-in", "without a credential"), id="401"),
        pytest.param(bends.page(), ("it is not a JSON object", "catch-all"), id="a website"),
        pytest.param(bends.Instead(200, b"[]"), ("it is not a JSON object",), id="no object"),
        pytest.param(bends.Instead(200, b"{" * 5000), ("it is not a JSON object",), id="no JSON"),
        pytest.param(bends.redirect("/elsewhere"), ("follow no redirect", "without a redirect"), id="a redirect"),
        pytest.param(bends.Dropped(), ("the connection was dropped", "answers from outside"), id="nothing"),
        pytest.param(bends.Instead(500, b"{}"), ("the server failed",), id="500"),
    ],
)
def test_a_document_that_clients_can_not_read(doctor: Doctor, change: bends.Change, words: tuple[str, ...]) -> None:
    report = doctor.look("prm", Bend(PATH, "GET", change))
    assert_found(report, "prm.path", FAIL, *words, "Serve `/.well-known/oauth-protected-resource`")
    assert_found(report, "prm.root", PASS)
    assert_found(report, "prm.resource", PASS)


@pytest.mark.parametrize(("persona", "level"), [("chatgpt", FAIL), ("generic", FAIL), ("claude", WARN), ("vscode", WARN)])
def test_a_document_at_the_root_is_what_chatgpt_looks_for(doctor: Doctor, persona: str, level: Level) -> None:
    report = doctor.look("prm", Bend(ROOT, "GET", bends.Instead(404, b"{}")), persona=persona)
    assert_found(report, "prm.root", level, "answered 404", "both as it is and with the URL's path")


def test_none_at_all(doctor: Doctor) -> None:
    report = doctor.look("authorize", *both(bends.Instead(404, b"{}")))
    assert levels(report, FAIL) == ["prm.root", "prm.path"], shown(report)
    assert_found(report, "metadata.issuer", PASS)  # clients of old look at the URL's own origin


def test_a_document_of_another_type(doctor: Doctor) -> None:
    report = doctor.look("prm", Bend(PATH, "GET", bends.Header("content-type", "text/plain")))
    assert_found(report, "prm.path", WARN, "says that it is text/plain", "application/json")


def test_the_challenge_may_name_a_third_document(doctor: Doctor) -> None:
    named = bends.Replaced("www-authenticate", "oauth-protected-resource/mcp", "oauth-protected-resource/sse")
    report = doctor.look("prm", Bend("/mcp", "*", named))
    assert_found(report, "prm.challenge", PASS)
    assert_found(report, "prm.equal", FAIL, "differ in resource", "/sse`", "one configuration")
    assert_found(report, "prm.resource", FAIL)
    missing = bends.Replaced("www-authenticate", "oauth-protected-resource/mcp", "nothing")
    report = doctor.look("prm", Bend("/mcp", "*", missing))
    assert_found(report, "prm.challenge", FAIL, "answered 404")


def test_documents_that_differ(doctor: Doctor) -> None:
    report = doctor.look("prm", Bend(ROOT, "GET", bends.with_members(authorization_servers=["https://old.example"])))
    assert_found(report, "prm.equal", FAIL, "differ in authorization_servers", "old.example", "no older one")


@pytest.mark.parametrize(
    ("persona", "resource", "level", "words"),
    [
        ("chatgpt", "{url}/mcp/", FAIL, ("character by character", "mind a slash at the end")),
        ("chatgpt", "{url}", WARN, ("a part of it", "the endpoint itself")),
        ("claude", "{url}", FAIL, ("character by character",)),
        ("chatgpt", "http://127.0.0.1:8123/mcp", FAIL, ("another host or scheme", "TOOLMESH_ISSUER")),
        ("chatgpt", None, FAIL, ("`None`", "another host or scheme")),
        ("chatgpt", "{url}/mcp\x1b[2J", FAIL, ("`{url}/mcp [2J`",)),
    ],
    ids=["a slash more", "the origin, for ChatGPT", "the origin, for Claude", "another host", "none", "control characters"],
)
def test_a_resource_that_is_not_the_url(
    doctor: Doctor, house: BrokenHouse, persona: str, resource: str | None, level: Level, words: tuple[str, ...]
) -> None:
    named = resource.format(url=house.url) if resource is not None else None
    report = doctor.look("prm", *both(bends.with_members(resource=named)), persona=persona)
    assert_found(report, "prm.resource", level, *(word.format(url=house.url) for word in words))


def test_a_url_that_is_typed_with_a_slash_more(doctor: Doctor, house: BrokenHouse) -> None:
    assert_found(doctor.look("prm", url=f"{house.url}/mcp/"), "prm.resource", PASS)
    strict = bends.with_members(resource=f"{house.url}/mcp")
    described = Bend("*", "GET", strict, lambda asked: asked.path.startswith("/.well-known/oauth-protected-resource"))
    report = doctor.look("prm", described, url=f"{house.url}/mcp/")
    assert_found(report, "prm.resource", FAIL, f"Type `{house.url}/mcp` into the client")


@pytest.mark.parametrize(
    ("servers", "level", "words"),
    [
        (None, FAIL, ("nobody learns where to log in", "TOOLMESH_AUTH is none")),
        ([], FAIL, ("`[]`",)),
        ("https://a.example", FAIL, ("nobody learns",)),
        (["nonsense"], FAIL, ("nobody learns",)),
        (["{url}", "https://other.example"], WARN, ("Claude tries the first alone", "Put the one")),
    ],
    ids=["none", "an empty list", "a text", "no URL", "two"],
)
def test_servers_that_are_not_named_right(
    doctor: Doctor, house: BrokenHouse, servers: object, level: Level, words: tuple[str, ...]
) -> None:
    found = [each.format(url=house.url) for each in servers] if isinstance(servers, list) else servers
    report = doctor.look("prm", *both(bends.with_members(authorization_servers=found)))
    assert_found(report, "prm.servers", level, *words)


def test_scopes_of_the_authorization_server(doctor: Doctor) -> None:
    report = doctor.look("prm", *both(bends.with_members(scopes_supported=["tools:read", "offline_access"])))
    assert_found(report, "prm.scopes", WARN, "SEP-2207", "Take it out here")


def test_tokens_that_may_not_be_in_the_header(doctor: Doctor) -> None:
    report = doctor.look("prm", *both(bends.with_members(bearer_methods_supported=["body"])))
    assert_found(report, "prm.header", FAIL, "in the Authorization header alone", '["header"]')
    report = doctor.look("prm", *both(bends.without("bearer_methods_supported")))
    assert_found(report, "prm.header", PASS)
