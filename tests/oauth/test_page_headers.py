"""What every page of the log-in says to the browser, and what strangers can put on one (CSP Level 3; MCP, "Consent UI
Requirements")."""

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser

import httpx2
import pytest

from tests.oauth.house import PASSWORD, House
from tests.oauth.person import CALLBACK, OAuthClient, Person, form_of

ORIGIN = "https://client.example"
HEADERS = {
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</strong></form><form action=https://evil.example><input name=password>",
    "javascript:alert(1)",
    "{title}{0.__class__}%s",
    "a\u202egnp.exe",
    "a\u0000b\u200bc\u2066d",
    "Z\u0335" * 300,
    "x" * 2000,
    "Claude\nverified by the operator",
]


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.events: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "formaction", "srcset")]
        self.events += [name for name, _ in attrs if name.startswith("on")]


def login(person: Person, client: OAuthClient) -> httpx2.Response:
    return person.get(person.get(client.authorize_path()).headers["location"])


def wrong_password(person: Person, client: OAuthClient) -> httpx2.Response:
    return person.log_in(person.get(client.authorize_path()), "ada", "a wrong password")


def locked(person: Person, client: OAuthClient) -> httpx2.Response:
    for _ in range(3):
        wrong_password(person, client)
    return wrong_password(person, client)


def consent(person: Person, client: OAuthClient) -> httpx2.Response:
    answer = person.get(client.authorize_path())
    if "/login" in answer.headers["location"]:
        answer = person.log_in(answer, "ada", PASSWORD)
    return person.get(answer.headers["location"])


PAGES: list[tuple[int, str, Callable[[Person, OAuthClient], httpx2.Response]]] = [
    (200, f"'self' {ORIGIN}", login),
    (401, f"'self' {ORIGIN}", wrong_password),
    (429, f"'self' {ORIGIN}", locked),
    (200, "'self' https:", consent),
    (400, "'self'", lambda person, client: person.get("/authorize")),
    (400, "'self'", lambda person, client: person.get(client.authorize_path(redirect_uri="https://evil.example/cb"))),
    (403, "'self'", lambda person, client: person.get("/login?rid=x")),
    (403, "'self'", lambda person, client: person.get("/consent")),
    (413, "'self'", lambda person, client: person.post("/login", {"username": "x" * 20_000})),
]


@pytest.mark.parametrize(("status", "forms", "page"), PAGES)
def test_every_page_is_framed_kept_and_scripted_by_nobody(
    person: Person, client: OAuthClient, status: int, forms: str, page: Callable[[Person, OAuthClient], httpx2.Response]
) -> None:
    answer = page(person, client)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["content-security-policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self'; form-action {forms}; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
    assert "cross-origin-opener-policy" not in answer.headers, "clients open the pages in a popup and wait for it"
    assert "access-control-allow-origin" not in answer.headers
    found = Tags(answer.text)
    assert not {"script", "img", "iframe", "link", "object", "base"} & set(found.tags)
    assert not found.events
    assert "style=" not in answer.text
    assert all(link.startswith(f"{person.url}/") for link in found.links), found.links


@pytest.mark.parametrize(
    ("uri", "source", "followed"),
    [
        ("http://127.0.0.1:3000/cb", "http://127.0.0.1:3000", "http://127.0.0.1:3000 https:"),
        ("http://localhost/cb", "http://localhost", "http://localhost https:"),
        ("http://[::1]:3000/cb", "http://*:3000", "http://*:3000 https:"),
        ("cursor://anysphere.cursor/cb", "cursor:", "cursor: https:"),
        ("com.example.app:/cb", "com.example.app:", "com.example.app: https:"),
        ("https://c.example:8443/cb?x=1", "https://c.example:8443", "https:"),
    ],
)
def test_a_form_may_lead_to_the_client_and_from_the_question_on_to_where_that_leads(
    at: House, person: Person, uri: str, source: str, followed: str
) -> None:
    client = at.client(redirect_uris=[uri])
    assert f"; form-action 'self' {source}; " in login(person, client).headers["content-security-policy"]
    assert f"; form-action 'self' {followed}; " in consent(person, client).headers["content-security-policy"]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_client_is_text_short_and_marked_as_its_own_words(at: House, person: Person, name: str) -> None:
    evil = {
        "client_uri": "javascript:alert(1)",
        "logo_uri": "https://evil.example/pixel.png",
        "tos_uri": "data:text/html,x",
    }
    client = at.client(client_name=name, **evil)
    usual = Tags(consent(person, at.client()).text)
    pages = [consent(person, client)]
    other = at.person()
    pages.append(login(other, client))
    other.close()
    for answer in pages:
        found = Tags(answer.text)
        assert "script" not in found.tags
        assert not found.events
        assert all(link.startswith(f"{at.url}/") for link in found.links), found.links
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u200b\u202a-\u202e\u2066-\u2069]", answer.text)
        assert "evil.example/pixel" not in answer.text
        assert "javascript:alert(1)" not in answer.text or name.startswith("javascript")
        assert max(map(len, re.findall(r"<strong>(.*?)</strong>", answer.text, re.DOTALL)), default=0) < 700
        assert "client.example" in answer.text, "where the answer goes is always shown"
        assert re.search("unverified|not verified|not checked", answer.text, re.IGNORECASE), answer.text
    assert Tags(pages[0].text).tags == usual.tags, "a name adds no element"
    assert form_of(pages[0].text).names == ("csrf", "rid", "decision", "decision")


def test_the_question_says_who_where_what_and_for_whom(at: House, person: Person) -> None:
    client = at.client(redirect_uris=["http://localhost:3000/cb", CALLBACK], client_name="Helpful")
    warning = "This is a program on this computer"
    for uri, host, warned in (("http://localhost:51004/cb", "localhost:51004", True), (CALLBACK, "client.example", False)):
        client.redirect_uri = uri
        page = consent(person, client).text
        words = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL))
        for said in ("Helpful", host, "tools:read", "tools:write", "ada", f"{at.url}/mcp"):
            assert said in words, words
        assert "offline_access" not in words
        assert (warning in words) == warned


@pytest.mark.parametrize("path", ["/authorize", "/login", "/consent"])
def test_a_slash_too_many_is_no_other_page(person: Person, path: str) -> None:
    assert person.get(f"{path}/").status_code == 404


def test_the_icon_that_browsers_ask_for_is_no_error(at: House) -> None:
    for edge in (at.a, at.b):
        answer = edge.get("/favicon.ico")
        assert (answer.status_code, answer.content) == (204, b"")
        assert "max-age" in answer.headers["cache-control"]
