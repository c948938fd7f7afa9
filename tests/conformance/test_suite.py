"""The published conformance suite, against the SDK's server itself and through two edges in round robin."""

import pytest

from tests.conformance import suite
from tests.conformance.targets import Runs, run_all

pytestmark = pytest.mark.usefixtures("npm_packages")

SCORED = {"2025-11-25": 30, "2026-07-28": 37}


@pytest.fixture(scope="module")
def runs(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Both targets, both revisions."""
    return run_all(tmp_path_factory.mktemp("conformance"))


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_the_server_behind_the_mesh_passes_all_scored_scenarios_itself(runs: Runs, revision: str) -> None:
    assert runs.direct[revision].failures == {}
    assert len(runs.direct[revision].passed) == SCORED[revision]


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_through_two_edges_no_check_comes_out_worse_but_for_the_baseline(runs: Runs, revision: str) -> None:
    worse = runs.mesh[revision].worse_than(runs.direct[revision])
    assert {name: found for name, found in worse.items() if name not in suite.baseline(revision)} == {}


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_the_baseline_names_only_checks_that_come_out_worse(runs: Runs, revision: str) -> None:
    worse = runs.mesh[revision].worse_than(runs.direct[revision])
    assert suite.baseline(revision).keys() - worse.keys() == set()


def test_the_edges_take_turns(runs: Runs) -> None:
    assert min(runs.counts) > 0.4 * sum(runs.counts)
