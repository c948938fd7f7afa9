"""How pages leave: under which headers, and what is never put into one."""

from dataclasses import replace

import pytest

from edge.pages.consent import consent_page
from edge.pages.document import own_url
from edge.pages.login import login_page
from edge.pages.response import page_response
from edge.pages.shown_text import shown
from shared.redirect_uris import form_action_source
from tests.browser.gallery import CONSENT, LOGIN, PAGES


def _directives(policy: str) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in policy.split(";"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_kept_by_nobody_and_framed_by_nobody_and_loads_nothing(name: str) -> None:
    headers = PAGES[name].headers
    policy = _directives(headers["content-security-policy"])
    style = policy.pop("style-src")
    assert style.startswith("'sha256-")
    assert " " not in style
    assert policy.pop("form-action").startswith("'self'")
    assert policy == {"default-src": "'none'", "img-src": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'"}
    assert {name: headers[name] for name in ("cache-control", "referrer-policy", "x-content-type-options")} == {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "cross-origin-opener-policy" not in headers, "clients open pages in a popup and wait for it"


def test_only_a_page_that_is_served_with_tls_asks_for_tls() -> None:
    for https in (True, False):
        assert ("strict-transport-security" in page_response("", 200, https=https).headers) is https


@pytest.mark.parametrize(
    ("uri", "on_login", "on_consent"),
    [
        ("https://chatgpt.com/connector/oauth/x", "https://chatgpt.com", "https:"),
        ("https://client.example:8443/cb?a=b", "https://client.example:8443", "https:"),
        ("http://127.0.0.1:51004/callback", "http://127.0.0.1:51004", "http://127.0.0.1:51004 https:"),
        ("http://localhost/callback", "http://localhost", "http://localhost https:"),
        ("http://[::1]:51004/callback", "http://*:51004", "http://*:51004 https:"),
        ("http://[::1]/callback", "http://*", "http://* https:"),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:", "cursor: https:"),
        ("com.example.app:/callback", "com.example.app:", "com.example.app: https:"),
    ],
)
def test_a_form_leads_on_to_the_client_and_the_password_to_nobody_else(uri: str, on_login: str, on_consent: str) -> None:
    source = form_action_source(uri)
    login = login_page(LOGIN, https=True, form_action=source)
    consent = consent_page(CONSENT, https=True, form_action=source)
    for page, sources in ((login, on_login), (consent, on_consent)):
        assert _directives(page.headers["content-security-policy"])["form-action"] == f"'self' {sources}"


@pytest.mark.parametrize(
    "source", ["", "*", "https://a.example; script-src *", "https://a.example 'unsafe-inline'", "//a.example"]
)
def test_what_is_no_source_gets_into_no_policy(source: str) -> None:
    with pytest.raises(ValueError, match="form_action"):
        page_response("", 200, https=True, form_action=[source])


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example/login", "evil.example/login", ""]
)
def test_a_form_or_link_leads_to_the_web_only(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        own_url(url)
    with pytest.raises(ValueError, match="http"):
        login_page(replace(LOGIN, action=url), https=True)
    with pytest.raises(ValueError, match="http"):
        login_page(replace(LOGIN, elsewhere=(("Corp", url),)), https=True)
    with pytest.raises(ValueError, match="http"):
        consent_page(replace(CONSENT, switch_url=url), https=True, form_action="https://chatgpt.com")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ChatGPT", "ChatGPT"),
        ("  Chat \t\r\n\u2028 GPT  ", "Chat GPT"),
        ("Chat\u202eTPG\u2066\u200b\u200d\ufeff\x00\x1b[31m", "ChatTPG[31m"),
        ("a\u0301\u0301\u0301\u0301b", "\u00e1\u0301\u0301b"),
        ("\u3164\u2800\u115f", ""),
        ("\ue000\ud800x", "x"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 63 + "…"),
        ("\u200b" * 1000 + "hidden behind it", "…"),
    ],
)
def test_text_of_strangers_is_one_visible_line(text: str, seen: str) -> None:
    assert shown(text, 64) == seen


def test_a_name_of_nothing_is_said_to_be_none() -> None:
    page = consent_page(replace(CONSENT, client_name="\u200b \u3164"), https=True, form_action="https://chatgpt.com")
    assert "A client without a name" in bytes(page.body).decode()
