"""What several end-to-end tests share."""

from collections.abc import Iterator

import pytest

from tests.client import Client
from tests.e2e.composed_mesh import Composed, composed_mesh
from tests.e2e.scripts_mesh import Scripted, scripts_mesh
from tests.e2e.target import Target, open_target
from tests.e2e.tasks_mesh import STRANGER_KEY, Slow, slow_mesh
from tests.e2e.wide_mesh import Wide, wide_mesh


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An edge behind which everything that gets through can be seen."""
    with open_target(tmp_path_factory.mktemp("mesh")) as found:
        yield found


@pytest.fixture(scope="package")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wide]:
    """Two edges for clients of every age, quick to stream and to show signs of life."""
    quick = {"TOOLMESH_KEEPALIVE_S": "0.3", "TOOLMESH_STREAM_AFTER_S": "0.3", "TOOLMESH_INBOX_RUNNING_MAX": "4"}
    with wide_mesh(tmp_path_factory.mktemp("wide"), **quick) as found:
        yield found


@pytest.fixture(scope="package")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    """Two edges in front of slow tools, quick to answer with a task or a handle."""
    quick = {
        "TOOLMESH_TASK_AFTER_S": "0.2",
        "TOOLMESH_HANDLE_AFTER_S": "0.2",
        "TOOLMESH_KEEPALIVE_S": "0.3",
        "TOOLMESH_STREAM_AFTER_S": "0.3",
    }
    with slow_mesh(tmp_path_factory.mktemp("slow"), **quick) as found:
        yield found


@pytest.fixture
def stranger(slow: Slow) -> Iterator[Client]:
    """Somebody else at the first of these edges."""
    client = Client(slow.a.url, STRANGER_KEY)
    yield client
    client.close()


@pytest.fixture(scope="package")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    """Two edges and two workers that run scripts, whose time is short."""
    quick = {"TOOLMESH_CODE_TIMEOUT": "8", "TOOLMESH_CODE_CALLS_MAX": "60", "TOOLMESH_CODE_LOG_BYTES_MAX": "2000"}
    quick |= {"TOOLMESH_HANDLE_AFTER_S": "0.5", "TOOLMESH_CANCEL_GRACE_S": "0.2"}
    with scripts_mesh(tmp_path_factory.mktemp("scripted"), **quick) as found:
        yield found


@pytest.fixture(scope="package")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """A REST backend whose file has composites, before a recorder."""
    with composed_mesh(tmp_path_factory.mktemp("composed")) as running:
        yield running
