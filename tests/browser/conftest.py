"""A browser for the tests that need one."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NAMES, binary, started


@pytest.fixture(scope="session")
def chromium() -> str:
    """Its path. Without one a test is skipped, and fails where CI_REQUIRE_BROWSER is set."""
    if path := binary():
        return path
    return (pytest.fail if os.environ.get("CI_REQUIRE_BROWSER") else pytest.skip)(f"no browser on PATH: {', '.join(NAMES)}")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One for the file, gone before the next: while it is there this thread can run no other event loop."""
    with started(chromium) as found:
        yield found
