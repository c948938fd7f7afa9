"""Every page as people see it: readable for everybody, in a small window, with large text, in the dark, whoever asks."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.gallery import PAGES, app
from tests.browser.served import served
from tests.browser.visit import Visit, visit

_CROSSING = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth).length"
_LOW = (
    "[...document.querySelectorAll('button, input:not([type=hidden]), a')]"
    ".map(e => [e.textContent || e.name, e.getBoundingClientRect().height]).filter(([, height]) => height < 44)"
)
_GROUND = "getComputedStyle(document.body).backgroundColor"
_LOOKS = (
    "[...document.querySelectorAll('.choice button')].map(e => [getComputedStyle(e), e.getBoundingClientRect()])"
    ".map(([s, box]) => [s.color, s.backgroundColor, s.fontWeight, s.borderColor, box.width, box.height].join())"
)
_UNSEEN = "[...document.body.innerText].filter(c => /[\\p{Cc}\\p{Cf}\\p{Co}]/u.test(c) && c !== '\\n').length"


@pytest.fixture(scope="module")
def gallery(chromium: str) -> Iterator[str]:
    with served(app()) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Visit]:
    """One that runs scripts, because axe is one."""
    with visit(browser, scripts=True, viewport={"width": 1100, "height": 800}) as found:
        yield found


@pytest.fixture(scope="module", params=PAGES)
def opened(request: pytest.FixtureRequest, window: Visit, gallery: str) -> Visit:
    """One page after the other."""
    _as_new(window).page.goto(f"{gallery}/{request.param}")
    return window


@pytest.fixture
def page_of(window: Visit) -> Visit:
    """The window, for a test that opens a page by itself."""
    return _as_new(window)


def _as_new(window: Visit) -> Visit:
    window.page.set_viewport_size({"width": 1100, "height": 800})
    window.page.emulate_media(color_scheme="light")
    window.forget()
    return window


def test_a_page_asks_for_nothing_else(opened: Visit, gallery: str) -> None:
    assert opened.hosts == {gallery.removeprefix("http://")}
    assert opened.page.evaluate("document.querySelectorAll('script, img, link, iframe').length") == 0
    assert opened.complaints == []


def test_axe_finds_nothing_in_the_light_and_in_the_dark(opened: Visit) -> None:
    page = opened.page
    light = page.evaluate(_GROUND)
    assert opened.axe() == ""
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(_GROUND) != light
    assert opened.axe("color-contrast") == ""


@pytest.mark.parametrize("text", ["100%", "200%"])
def test_a_page_fits_the_smallest_window_with_text_of_any_size(text: str, opened: Visit) -> None:
    page = opened.page
    page.set_viewport_size({"width": 320, "height": 800})
    page.evaluate("size => { document.documentElement.style.fontSize = size }", text)
    assert (opened.overflow_px(), page.evaluate(_CROSSING)) == (0, 0)
    assert page.evaluate(_LOW) == [], "large enough for a finger"


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith("-rude")])
def test_what_a_stranger_calls_itself_is_text_and_nothing_more(name: str, page_of: Visit, gallery: str) -> None:
    page = page_of.page
    page.goto(f"{gallery}/{name}")
    assert page.evaluate("document.querySelectorAll('main b, main script').length") == 0
    assert page.evaluate(_UNSEEN) == 0, "no override of the reading direction, no character without a shape"
    if name in ("login-rude", "consent-rude"):
        named = page.locator("bdi").first.inner_text()
        assert named.startswith("<script>alert(1)</script> txet desrever")
        assert len(named) == 64
        assert page.get_by_text("name not verified").is_visible()
    if name == "consent-rude":
        assert page.locator(".destination .host").inner_text().endswith(".evil.example"), "a host is shown to its end"


@pytest.mark.parametrize(
    ("name", "said", "unsaid"),
    [
        ("consent", "name not verified", "set up by the operator"),
        ("consent", "published by chatgpt.com", "on this computer"),
        ("consent-registered", "Nobody has checked who it is", "published by"),
        ("consent-operator", "set up by the operator", "name not verified"),
        ("consent-operator", "Look things up", "Change things"),
        ("consent-loopback", "This is a program on this computer.", "Any app on this device"),
        ("consent-app", "You will be sent to an app on this device that claims cursor:", "on this computer"),
        ("consent-app", "1 day at most", "180 days"),
        ("login-app", "and go on to an app on this device (cursor:)", "chatgpt.com"),
        ("login-elsewhere", "Log in with The Corp", "There were too many tries"),
        ("login-elsewhere", "or with a password", "may not come in"),
        ("login-no-password", "Log in with The Corp", "assword"),
        ("login-refused", "may not come in here", "too many tries"),
        ("login-nowhere", "Nobody can log in here at the moment.", "assword"),
        ("landing", "choose OAuth", "No authentication"),
        ("landing", "https://mesh.example/mcp", "only on this computer"),
        ("landing-local", "This address is only on this computer.", "https://mesh.example"),
        ("landing-anonymous", "Nobody has to log in here.", "API key"),
    ],
)
def test_a_page_says_what_a_person_has_to_know(name: str, said: str, unsaid: str, page_of: Visit, gallery: str) -> None:
    page_of.page.goto(f"{gallery}/{name}")
    text = " ".join(page_of.page.locator("main").inner_text().split())
    assert said in text
    assert unsaid not in text


def test_both_decisions_look_alike(page_of: Visit, gallery: str) -> None:
    page_of.page.goto(f"{gallery}/consent")
    looks = page_of.page.evaluate(_LOOKS)
    assert len(looks) == 2
    assert looks[0] == looks[1]


@pytest.mark.parametrize(
    ("name", "focused"),
    [("login", "username"), ("login-wrong", "password"), ("login-elsewhere", "BODY"), ("consent", "BODY")],
)
def test_a_page_begins_where_one_has_to_type_and_decides_nothing_by_itself(
    name: str, focused: str, page_of: Visit, gallery: str
) -> None:
    page_of.page.goto(f"{gallery}/{name}")
    assert page_of.focused() == focused
