"""One broker for the tests that share one, emptied before each."""

from collections.abc import Iterator

import pytest

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
