"""The scenarios of the tasks extension in the published conformance suite, through two edges in round robin."""

import pytest

from tests.conformance import suite
from tests.conformance.targets import TASKS, run_tasks

pytestmark = pytest.mark.usefixtures("npm_packages")

REQUIRED = "tasks-required-task-error"
CHECKS = {
    "tasks-lifecycle": 9,
    "tasks-capability-negotiation": 5,
    "tasks-wire-fields": 4,
    "tasks-request-state-removal": 3,
    "tasks-mrtr-input": 4,
    "tasks-request-headers": 5,
    "tasks-dispatch-and-envelope": 9,
    "tasks-mrtr-composition": 2,
}
"""How many checks of each pass: all."""

Found = tuple[dict[str, suite.Outcome], list[int]]


@pytest.fixture(scope="module")
def found(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return run_tasks(tmp_path_factory.mktemp("tasks"))


@pytest.mark.parametrize("scenario", CHECKS)
def test_all_checks_of_a_scenario_pass_through_two_edges(found: Found, scenario: str) -> None:
    outcome = found[0][scenario]
    assert {name: check.message for name, check in outcome.checks.items() if check.status != "SUCCESS"} == {}
    assert len(outcome.checks) == CHECKS[scenario]


def test_no_tool_is_refused_to_a_client_that_takes_no_tasks(found: Found) -> None:
    """The suite wants a tool that can't be answered without a task to be refused; here there is none such: who takes no
    tasks waits for the result."""
    failing = [check for check in found[0][REQUIRED].checks.values() if check.failed]
    assert [check.id for check in failing] == ["sep-2663-server-returns-missing-capability-when-required"]
    assert "returned a successful response" in failing[0].message
    assert {*CHECKS, REQUIRED} == set(TASKS)


def test_the_edges_take_turns(found: Found) -> None:
    assert min(found[1]) > 0.4 * sum(found[1])
