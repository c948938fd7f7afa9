"""One stage for all that is played on it: to start one takes longer than most of what happens there."""

from collections.abc import Iterator

import pytest

from tests.chatgpt.stage import Stage, stage
from tests.oauth.person import Person


@pytest.fixture(scope="package")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("chatgpt")) as found:
        yield found


@pytest.fixture(scope="module")
def ada(at: Stage) -> Person:
    """Her browser, in which she stays logged in."""
    return at.person()
