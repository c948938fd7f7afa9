"""The Chromium of this machine, driven by Playwright. Playwright's own browsers are never downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # What a page under test asks for beyond this machine is not found, instead of asked for.
    "--host-resolver-rules=MAP client.example 127.0.0.1, MAP next.example 127.0.0.1, MAP * ~NOTFOUND, "
    "EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE ::1",
    "--no-proxy-server",
)


def binary() -> str | None:
    """The browser's path."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def started(path: str) -> Iterator[Browser]:
    """A browser. Its event loop is that of the thread: no test that uses it can run another."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
