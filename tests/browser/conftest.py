"""A browser for the tests that need one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import started


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One for the file, gone before the next: while it is there this thread can run no other event loop."""
    with started(chromium) as found:
        yield found
