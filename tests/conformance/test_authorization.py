"""The published suite's scenarios for authorization servers, at two edges that take turns."""

import pytest

from tests.conformance.authorization import CHECKS, run
from tests.mesh import free_port
from tests.oauth.front import front

pytestmark = pytest.mark.usefixtures("npm_packages")


def test_the_authorization_server_passes_all_that_there_is_for_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("authorization")
    with front(directory) as found:
        checks = run(found.url, free_port(), directory / "run")
        counts = found.counts()
    assert {name: check.message for name, check in checks.items() if check.status != "SUCCESS"} == {}
    assert checks.keys() == CHECKS
    assert min(counts) > 0.3 * sum(counts)
