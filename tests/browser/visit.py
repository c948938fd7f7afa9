"""A page of the browser, with everything that goes wrong on it written down."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import APIResponse, Browser, ConsoleMessage, Page, Route

from tests.mesh import wait_until

_AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_RUN_AXE = (
    "async o => (await axe.run(o)).violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html}: ${n.failureSummary}`))"
)
_FOCUSED = "(e => e === document.body ? 'BODY' : e.localName === 'input' ? e.name : e.textContent)(document.activeElement)"
_STATUS = "Failed to load resource: the server responded with a status of"
"""What Chromium says of every answer of 400 and above, also of a page that is meant to be one."""


@dataclass
class Visit:
    """One window of a browser that has never been here."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    """Host and port of everything that was asked for."""
    complaints: list[str] = field(default_factory=list)
    """Errors and warnings of the console: scripts that fail, and whatever the Content-Security-Policy stopped."""

    def forget(self) -> None:
        """Become a browser that has never been here."""
        self.page.context.clear_cookies()
        self.complaints.clear()
        self.hosts.clear()

    def focused(self) -> str:
        """Name of the field or text of the button or link that has the focus, or BODY."""
        return str(self.page.evaluate(_FOCUSED))

    def tab_to(self, what: str) -> list[str]:
        """Press Tab until that has the focus; gives what had it on the way."""
        passed: list[str] = []
        while not passed or passed[-1] != what:
            assert len(passed) < 20, f"{what} is not reached by Tab: {passed}"
            self.page.keyboard.press("Tab")
            passed.append(self.focused())
        return passed

    def click_twice(self, path: str, button: str) -> None:
        """Click a button whose form goes to that path, and again while the answer is on its way: the browser throws that
        away, but for its cookie."""
        first: list[APIResponse] = []

        def hold(route: Route) -> None:
            if first:
                route.continue_()
            else:
                first.append(route.fetch(max_redirects=0))

        self.page.route(f"**{path}", hold)
        clicked = self.page.get_by_role("button", name=button)
        clicked.scroll_into_view_if_needed()
        box = clicked.bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.click(*middle)  # a locator's click would wait for the answer

        def arrived() -> bool:
            self.page.wait_for_timeout(20)  # lets `hold` run
            return bool(first)

        wait_until(arrived, "the first form has arrived")
        self.page.mouse.click(*middle)

    def overflow_px(self) -> int:
        """By how much the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def axe(self, *rules: str) -> str:
        """What axe finds by all its rules, or by some, as text; empty where that is nothing. It has to run as a script."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
        found = self.page.evaluate(_RUN_AXE, {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})})
        return "\n".join(str(each) for each in found)


@contextmanager
def visit(browser: Browser, *, scripts: bool = False, **options: Any) -> Iterator[Visit]:
    """A new window; whether it runs scripts at all is up to `scripts`."""
    context = browser.new_context(java_script_enabled=scripts, ignore_https_errors=True, **options)
    context.set_default_timeout(15_000)
    try:
        yield watched(context.new_page())
    finally:
        context.close()


def watched(page: Page) -> Visit:
    """A window that is there."""
    found = Visit(page)

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_STATUS):
            found.complaints.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on("request", lambda request: found.hosts.add(urlsplit(request.url).netloc))
    return found
