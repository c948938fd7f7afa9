"""What the tests of REST backends share: a broker for those that need one."""

from collections.abc import Iterator

import pytest

from tests.mesh import Broker


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """It forgets nothing when it is killed."""
    started = Broker(tmp_path_factory.mktemp("broker"), append_only=True)
    yield started
    started.process.kill()


@pytest.fixture
def empty(broker: Broker) -> Broker:
    """The same, with nothing in it."""
    with broker.client() as client:
        client.flushall()
    return broker
