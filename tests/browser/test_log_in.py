"""A person in a real browser: they log in, decide, and are sent back to the client, with scripts switched off and without
a mouse."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.gallery import RUDE_NAME
from tests.browser.redirect_target import Target, has_ipv6, listening, reached
from tests.browser.visit import Visit, visit, watched
from tests.federation import github_like
from tests.mesh import wait_until
from tests.oauth.house import OWNER_PASSWORD, PASSWORD, House, house
from tests.oauth.person import OAuthClient

_WRONG = "That name and password do not fit together."
_FRAME = (
    "url => new Promise(end => { const frame = document.createElement('iframe');"
    " frame.onload = end; frame.src = url; document.body.append(frame) })"
)
_EXPIRED = "This page has expired, or belongs to another browser."
_OPERATORS = """
clients:
  - client_id: backoffice
    client_name: Backoffice
    redirect_uris: ['https://client.example/callback']
"""

_GITHUB = """
providers:
  - {{name: github, label: GitHub, kind: github, issuer: '{github}', client_id: Iv1.0123456789abcdef,
     allow: {{subjects: ['583231']}}}}
"""


@pytest.fixture(scope="module")
def home(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Edges without workers: nothing is called here."""
    secrets = f"github={github_like.SECRET}"
    with house(tmp_path_factory.mktemp("house"), workers=0, TOOLMESH_IDENTITY_SECRETS=secrets) as running:
        (running.running.config / "clients.yaml").write_text(_OPERATORS)
        yield running


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Visit]:
    """One without scripts."""
    with visit(browser) as found:
        yield found


@pytest.fixture
def person(window: Visit) -> Iterator[Visit]:
    """Somebody who has never been here. Whatever a test does: the browser finds nothing to complain of."""
    window.forget()
    yield window
    assert window.complaints == []


@pytest.fixture(scope="module")
def listener() -> Iterator[Target]:
    """It stays to the end: what a browser still asks it for after a test is answered too."""
    with listening("127.0.0.1") as found:
        yield found


@pytest.fixture
def target(listener: Target) -> Target:
    """A program on this computer that was told nothing yet."""
    listener.queries.clear()
    return listener


def _client(home: House, target: Target, name: str = "Claude Code") -> OAuthClient:
    return home.client(client_name=name, redirect_uris=[target.uri])


def _open(person: Visit, client: OAuthClient) -> None:
    person.page.goto(client.url + client.authorize_path())


def _type(person: Visit, username: str, password: str) -> None:
    person.page.get_by_label("User name").fill(username)
    person.page.get_by_label("Password").fill(password)
    person.page.get_by_role("button", name="Log in").click()


def _arrive(person: Visit, client: OAuthClient) -> None:
    _open(person, client)
    _type(person, "ada", PASSWORD)
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("Allow ")


def _decide(person: Visit, decision: str) -> None:
    person.page.get_by_role("button", name=decision).click()


@pytest.mark.parametrize("where", ["127.0.0.1", "localhost", "[::1]", "https", "https, and on to another site"])
def test_by_keyboard_alone_one_logs_in_and_allows_and_the_client_gets_a_code(
    where: str, home: House, person: Visit, tmp_path: Path
) -> None:
    if where == "[::1]" and not has_ipv6():
        pytest.skip("this machine has no ::1")
    with reached(where, tmp_path) as target:
        client = _client(home, target)
        _open(person, client)
        press, page = person.page.keyboard, person.page
        assert person.focused() == "username", "one can type at once"
        press.type("ada")
        press.press("Tab")
        press.type(PASSWORD)
        press.press("Enter")
        page.wait_for_url("**/consent?*")
        assert page.get_by_text("This is a program on this computer.").count() == (0 if where.startswith("https") else 1)
        assert person.tab_to("Allow") == ["Use another account", "Cancel", "Allow"]
        press.press("Enter")
        answer = target.answer()
        expect(page.get_by_role("heading", level=1)).to_have_text("You can close this page")
        assert {name: answer[name] for name in ("state", "iss")} == {"state": client.state, "iss": home.url}
        assert client.exchange(answer["code"]).status_code == 200
        own = {urlsplit(home.url).netloc, urlsplit(target.uri).netloc}
        assert {host for host in person.hosts if not host.startswith("next.example")} == own


def test_by_keyboard_alone_one_logs_in_elsewhere_over_whatever_sites_that_leads(
    home: House, person: Visit, target: Target
) -> None:
    """A form would not get there: Chromium holds all that follows one to the page's policy."""
    client, file = _client(home, target), home.running.config / "identity-providers.yaml"
    with github_like.github_like() as github:
        github.detour = "next.example"
        file.write_text(_GITHUB.format(github=github.url))
        looking = home.person()
        way = "Log in with <bdi>GitHub</bdi>"
        wait_until(lambda: way in looking.get(looking.get(client.authorize_path()).headers["location"]).text, "it is read")
        looking.close()
        try:
            _open(person, client)
            assert person.tab_to("Log in with GitHub") == ["Log in with GitHub"]
            person.page.keyboard.press("Enter")
            person.page.wait_for_url("**/consent?*")
            expect(person.page.locator(".facts")).to_contain_text("octo (GitHub)")
            assert f"next.example:{urlsplit(github.url).port}" in person.hosts
            _decide(person, "Allow")
            assert client.exchange(target.answer()["code"]).status_code == 200
            github.denies = True
            _open(person, client)
            person.page.get_by_role("link", name="Use another account").click()
            person.page.get_by_role("link", name="Log in with GitHub").click()
            expect(person.page.get_by_role("alert")).to_contain_text("You were not logged in with GitHub")
            assert github.queries[-1]["prompt"] == "select_account"
        finally:
            file.unlink()
    looking = home.person()
    wait_until(lambda: way not in looking.get(looking.get(client.authorize_path()).headers["location"]).text, "it is gone")
    looking.close()


def test_an_app_on_the_device_is_named_as_one_and_gets_its_code(browser: Browser, home: House) -> None:
    client = home.client(client_name="Cursor", redirect_uris=["cursor://anysphere.cursor-mcp/oauth/callback"])
    with visit(browser) as person:  # a window of its own: it stays occupied with looking for the app
        _open(person, client)
        expect(person.page.locator("main")).to_contain_text("and go on to an app on this device (cursor:)")
        _type(person, "ada", PASSWORD)
        expect(person.page.locator("main")).to_contain_text("Any app on this device can claim these links.")
        with person.page.expect_response("**/consent") as answered:  # there is none when the policy stops it
            _decide(person, "Allow")
        location = answered.value.headers["location"]
        assert person.complaints == []
    assert location.startswith(client.redirect_uri)
    assert client.exchange(parse_qs(urlsplit(location).query)["code"][0]).status_code == 200


def test_who_clicks_twice_logs_in_and_allows_once(home: House, person: Visit, target: Target) -> None:
    client = _client(home, target)
    _open(person, client)
    person.page.get_by_label("User name").fill("ada")
    person.page.get_by_label("Password").fill(PASSWORD)
    person.click_twice("/login", "Log in")
    expect(person.page.get_by_role("heading", level=1)).to_contain_text("Allow ")
    person.click_twice("/consent", "Allow")
    expect(person.page.get_by_role("heading", level=1)).to_have_text("You can close this page")
    assert client.exchange(target.answer()["code"]).status_code == 200


def test_a_denied_consent_is_told_to_the_client_and_opens_nothing(home: House, person: Visit, target: Target) -> None:
    client = _client(home, target)
    _arrive(person, client)
    _decide(person, "Cancel")
    answer = target.answer()
    assert "code" not in answer
    assert {name: answer[name] for name in ("error", "state", "iss")} == {
        "error": "access_denied",
        "state": client.state,
        "iss": home.url,
    }


def test_a_wrong_password_is_told_and_the_name_stays(home: House, person: Visit, target: Target) -> None:
    client = _client(home, target)
    _open(person, client)
    page = person.page
    for name in ("ada", "nobody-of-that-name"):
        with page.expect_response("**/login") as answered:
            _type(person, name, "a wrong password")
        assert answered.value.status == 401
        expect(page.get_by_role("alert")).to_have_text(_WRONG)
        expect(page.get_by_label("User name")).to_have_value(name)
        expect(page.get_by_label("Password")).to_have_value("")
        expect(page.get_by_label("Password")).to_be_focused()
        expect(page.get_by_label("Password")).to_have_accessible_description(_WRONG)
    assert "a wrong password" not in page.content()
    _type(person, "ada", PASSWORD)
    _decide(person, "Allow")
    assert client.exchange(target.answer()["code"]).status_code == 200


def test_a_locked_account_is_told_when_to_come_back_and_the_right_password_does_not_help(
    home: House, person: Visit, target: Target
) -> None:
    client = _client(home, target)
    other = home.person()
    for _ in range(5):
        other.log_in(other.get(client.authorize_path()), "bob", "a wrong password")
    other.close()
    _open(person, client)
    with person.page.expect_response("**/login") as answered:
        _type(person, "bob", PASSWORD)
    assert answered.value.status == 429
    assert int(answered.value.headers["retry-after"]) > 0
    expect(person.page.get_by_role("alert")).to_have_text(
        re.compile(r"There were too many tries. Come back in \d+ minutes.")
    )
    expect(person.page.get_by_label("User name")).to_have_value("bob")
    _type(person, "ada", PASSWORD)
    expect(person.page.locator(".facts")).to_contain_text("ada")
    assert target.queries == []


def test_somebody_who_is_logged_in_is_asked_again_and_may_be_somebody_else(
    home: House, person: Visit, target: Target
) -> None:
    _arrive(person, _client(home, target))
    client = _client(home, target, "Another client")
    _open(person, client)
    expect(person.page.get_by_role("heading", level=1)).to_have_text("Allow Another client to use your tools?")
    person.page.get_by_role("link", name="Use another account").click()
    _type(person, "owner", OWNER_PASSWORD)
    expect(person.page.locator(".facts")).to_contain_text("owner")
    _decide(person, "Allow")
    assert target.answer()["state"] == client.state


def test_a_page_of_a_request_that_is_over_or_of_another_browser_has_expired(
    browser: Browser, home: House, person: Visit, target: Target
) -> None:
    _arrive(person, _client(home, target))
    consent = person.page.url
    with visit(browser) as stranger:
        for url in (consent, consent.replace("/consent", "/login"), f"{home.url}/login", f"{home.url}/consent?rid=x"):
            answer = stranger.page.goto(url)
            assert answer is not None
            assert answer.status == 403
            expect(stranger.page.locator("main")).to_contain_text(_EXPIRED)
        assert stranger.complaints == []
    _decide(person, "Allow")
    assert "code" in target.answer()
    person.page.goto(consent)
    expect(person.page.locator("main")).to_contain_text(_EXPIRED)
    expect(person.page.locator("main")).to_contain_text("connect again")
    assert len(target.queries) == 1


@pytest.mark.parametrize(
    "changes", [{"client_id": "tmc_nobody"}, {"redirect_uri": "https://evil.example/"}, {"client_id": None}]
)
def test_an_unknown_client_gets_a_page_and_no_redirect(
    changes: dict[str, str | None], home: House, person: Visit, target: Target
) -> None:
    client = _client(home, target)
    answer = person.page.goto(home.url + client.authorize_path(**changes))
    assert answer is not None
    assert (answer.status, target.queries) == (400, [])
    expect(person.page.get_by_role("heading", level=1)).to_have_text("This did not work")
    expect(person.page.locator("main")).to_contain_text("is not known to this server")
    assert person.hosts == {urlsplit(home.url).netloc}
    assert "evil.example" not in person.page.content()


def test_only_a_client_of_the_operators_has_a_name_that_counts(home: House, person: Visit) -> None:
    operators = OAuthClient(home.url, "backoffice")
    looking = home.person()
    wait_until(lambda: looking.get(operators.authorize_path()).status_code == 303, "clients.yaml is read again")
    looking.close()
    for client, said, unsaid in (
        (operators, "set up by the operator", "name not verified"),
        (home.client(client_name="Backoffice"), "name not verified", "set up by the operator"),
        (home.client(client_name=RUDE_NAME[:200]), "name not verified", "set up by the operator"),
    ):
        person.forget()
        _open(person, client)
        for step in ("login", "consent"):
            person.page.wait_for_url(f"**/{step}?*")
            expect(person.page.locator("main")).to_contain_text(said)
            expect(person.page.locator("main")).not_to_contain_text(unsaid)
            if step == "login":
                _type(person, "ada", PASSWORD)


def test_who_opens_the_endpoint_is_told_what_it_is_for(home: House, person: Visit) -> None:
    for path in ("/", "/mcp", "/mcp/b/notes"):
        answer = person.page.goto(home.url + path)
        assert answer is not None
        assert (answer.status, answer.headers["vary"]) == (200, "Accept")
        expect(person.page.get_by_role("heading", level=1)).to_have_text("Connect your assistant")
        expect(person.page.locator(".copy").first).to_have_text(f"{home.url}/mcp")
    assert person.hosts == {urlsplit(home.url).netloc}


def test_a_client_that_opens_a_window_for_it_hears_of_the_end_and_cannot_frame_it(
    browser: Browser, home: House, target: Target
) -> None:
    client = _client(home, target)
    with visit(browser, scripts=True) as clients:
        clients.page.goto(f"{target.uri}?opener=1")
        target.queries.clear()
        url = home.url + client.authorize_path()
        with clients.page.expect_popup() as opened:
            clients.page.evaluate("url => { window.open(url) }", url)
        window = watched(opened.value)
        _type(window, "ada", PASSWORD)
        _decide(window, "Allow")
        assert "code" in target.answer()
        expect(window.page.get_by_role("heading", level=1)).to_have_text("You can close this page")
        assert window.page.evaluate("window.opener !== null")
        clients.complaints.clear()
        clients.page.evaluate(_FRAME, url)
        assert clients.page.frames[1].get_by_label("Password").count() == 0
        assert "frame" in " ".join(clients.complaints)
