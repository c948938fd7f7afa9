"""Composites where there is hardly any room, and where a worker was told less than its edge."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.client import Client
from tests.e2e.composed_mesh import Composed, composed_mesh
from tests.mesh import API_KEY


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """One call at a time, of one backend and of the worker; the edge has five requests of running calls in hand."""
    directory = tmp_path_factory.mktemp("narrow")
    given = {"TOOLMESH_BACKEND_CONCURRENCY": "1", "TOOLMESH_CODE_CONCURRENCY": "2", "TOOLMESH_INNER_RUNNING_MAX": "5"}
    with composed_mesh(directory, "--concurrency", "1", worker_approves=False, **given) as running:
        yield running


def test_composites_take_no_slot_that_their_calls_need(narrow: Composed) -> None:
    clients = [Client(narrow.edge.url, API_KEY) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda each: narrow.value("grid_busy_zones", {"min": each[0]}, each[1]), enumerate(clients)))
    for client in clients:
        client.close()
    assert [each["min"] for each in found] == list(range(6))


def test_nor_do_composites_that_scripts_wait_for(narrow: Composed) -> None:
    code = "return (await Promise.all([1, 2, 3, 4, 5].map((min) => toolmesh.grid_busy_zones({min})))).length"
    result = narrow.result("execute_code", {"code": code})
    assert not result.get("isError"), result


@pytest.mark.parametrize("tool", ["grid_waits", "grid_loops"])
def test_a_composite_ends_when_its_time_is_over(narrow: Composed, tool: str) -> None:
    error = narrow.failure(tool)
    assert error["code"] == "sandbox_timeout"
    assert "0.3 s" in error["text"]
    assert narrow.value("grid_busy_zones")["busy"] == ["North"], "and others go on"


def test_a_worker_that_was_not_told_of_a_delegation_runs_nothing_by_it(narrow: Composed) -> None:
    assert narrow.failure("grid_safe_reset", client=narrow.bob)["code"] == "unknown_tool"
    assert narrow.requests("/reset") == []
    assert narrow.value("grid_safe_reset") == "reset", "who may reset may"
