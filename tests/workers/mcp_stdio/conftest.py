"""Each test of a stdio server looks at its own processes."""

import pytest

from tests.upstreams.stdio_started import forget_others


@pytest.fixture(autouse=True)
def only_own_processes() -> None:
    """Before the test starts any."""
    forget_others()
