"""What several end-to-end tests share."""

from collections.abc import Iterator

import pytest

from tests.e2e.target import Target, open_target


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An edge behind which everything that gets through can be seen."""
    with open_target(tmp_path_factory.mktemp("mesh")) as found:
        yield found
