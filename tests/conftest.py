"""One broker for the tests that share one, emptied before each; what the tests need that this machine may not have."""

import os
from collections.abc import Iterator

import pytest

from tests.clients import node
from tests.mesh import Broker


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real server for the whole run."""
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.process.kill()


@pytest.fixture
def broker(shared_broker: Broker) -> Broker:
    """The shared server, empty."""
    with shared_broker.client() as client:
        client.flushall()
        client.function_flush()
    return shared_broker


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """Node.js and the packages of tests/clients. Without them a test is skipped, and fails where CI_REQUIRE_NODE is set."""
    if reason := node.why_not():
        (pytest.fail if os.environ.get("CI_REQUIRE_NODE") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """A browser's path. Without one a test is skipped, and fails where CI_REQUIRE_BROWSER is set."""
    from tests.browser.chromium import NAMES, binary

    if path := binary():
        return path
    return (pytest.fail if os.environ.get("CI_REQUIRE_BROWSER") else pytest.skip)(f"no browser on PATH: {', '.join(NAMES)}")
