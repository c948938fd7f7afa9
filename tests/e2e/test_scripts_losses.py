"""What becomes of a script whose worker or edge is killed under it: it is answered, or what it did is not done again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import keys
from shared.code_mode import CODE
from tests.client import Client
from tests.e2e.scripts_mesh import Running, Scripted, is_there, lines_of, scripts_mesh
from tests.mesh import Process, wait_until

LEASE = {"TOOLMESH_LEASE_S": "2", "TOOLMESH_LEASE_RENEW_S": "0.5"}


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    """Two edges and two workers, whose deaths are noticed soon."""
    with scripts_mesh(tmp_path_factory.mktemp("losses"), **LEASE) as found:
        yield found


def worker_of_script(scripted: Scripted) -> Process:
    """The worker that runs the one script there is."""
    leases: list[bytes] = []
    with scripted.running.broker.client() as redis:
        leases += [v for k in redis.scan_iter(keys.lease(f"{CODE.group}.*")) if isinstance(v := redis.get(k), bytes)]
    (lease,) = leases
    worker_id = lease.decode().rpartition(":")[0]
    (found,) = [w for w in scripted.running.workers if w.running and _is(w, worker_id)]
    return found


def _is(worker: Process, worker_id: str) -> bool:
    """Whether this is the log of that worker. Audit lines in it may name others: any worker writes them."""
    return any("worker started" in line and worker_id in line for line in worker.output().splitlines())


def replace_worker(scripted: Scripted) -> None:
    """As many workers as before."""
    scripted.running.start_worker()
    wait_until(lambda: is_there(scripted.a), "all is there again")


def hold(name: str, path: Path, backend: str = "meet") -> str:
    return f"toolmesh.{backend}_hold({{name: {json.dumps(name)}, path: {json.dumps(str(path))}}})"


def test_a_script_that_has_only_read_is_run_again_when_its_worker_is_killed(scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "held"
    code = f"const sum = await toolmesh.echo_add({{a: 1, b: 2}}); return [sum, await {hold('read', path)}]"
    running = Running(scripted.a, code)
    wait_until(lambda: lines_of(path) == ["begun read"], "it has begun")
    worker_of_script(scripted).kill()
    scripted.b.text("meet_release", {"name": "read"})
    assert running.outcome().value == [3, "read"]
    wait_until(lambda: 2 in fences_of_scripts(scripted), "its second run is recorded")
    replace_worker(scripted)


def fences_of_scripts(scripted: Scripted) -> list[object]:
    """In which run each script ended."""
    records = scripted.running.audit()
    return [r["fence"] for r in records if r["tool"] == "execute_code" and r["phase"] == "outcome"]


def test_a_script_that_has_changed_something_is_outcome_unknown_and_changes_nothing_again(
    scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "held"
    note = f"toolmesh.mut_note({{text: 'noted', path: {json.dumps(str(path))}}})"
    running = Running(scripted.a, f"await {note}; await {hold('write', path)}; await {note}")
    wait_until(lambda: lines_of(path) == ["noted", "begun write"], "it has begun")
    worker_of_script(scripted).kill()
    found = running.outcome()
    assert found.failed
    assert found.result["structuredContent"]["error"]["code"] == "outcome_unknown"
    scripted.b.text("meet_release", {"name": "write"})
    replace_worker(scripted)
    assert lines_of(path).count("noted") == 1


def test_an_edge_that_is_killed_in_mid_script_costs_no_call_and_none_is_made_twice(
    scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "held"
    names = [f"edge-{number}" for number in range(24)]
    calls = ", ".join(hold(name, path, "mut") for name in names)
    running = Running(scripted.a, f"return await Promise.all([{calls}])")
    wait_until(lambda: len(lines_of(path)) == len(names), "all have begun")
    scripted.running.edges[1][0].kill()
    for name in names:
        scripted.a.text("meet_release", {"name": name})
    assert running.outcome().value == names
    assert sorted(lines_of(path)) == sorted(f"begun {name}" for name in names)
    scripted.b = restarted(scripted)


def test_the_same_script_sent_again_after_its_edge_was_killed_is_the_same_run(scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "held"
    code = f"return [await {hold('again', path, 'mut')}]"
    lost = Running(scripted.b, code)
    wait_until(lambda: lines_of(path) == ["begun again"], "it has begun")
    scripted.running.edges[-1][0].kill()
    lost.join(30)
    again = Running(scripted.a, code)
    scripted.a.text("meet_release", {"name": "again"})
    assert again.outcome().value == ["again"]
    assert lines_of(path) == ["begun again"]
    scripted.b = restarted(scripted)


def restarted(scripted: Scripted) -> Client:
    """Another edge in the place of the one that was killed."""
    edge = scripted.running.start_edge()
    wait_until(lambda: is_there(edge), "all is there again")
    return edge
