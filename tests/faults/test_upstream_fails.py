"""docs/guarantees.md, "The upstream fails": each way, for each class."""

import pytest

from tests.faults.caller import Answer
from tests.faults.scene import CLASSES, Scene
from tests.mesh import wait_until

pytestmark = pytest.mark.faults

SCENE = {"edges": 1, "workers": 1, "TOOLMESH_EXEC_TIMEOUT": "3"}
Fate = dict[str, tuple[str, Answer]]
"""Token and answer, by the class's tool."""
every_class = pytest.mark.parametrize("tool", CLASSES)


@pytest.fixture(scope="module")
def refused(stage: Scene) -> Fate:
    """Calls for an upstream that is not there."""
    stage.mend()
    stage.ledger.process.kill()
    return _answers(stage, 0)


@every_class
def test_an_upstream_that_refuses_connections_is_told_as_such_and_nothing_was_sent(
    refused: Fate, stage: Scene, tool: str
) -> None:
    token, answer = refused[tool]
    assert answer.code == "upstream_unreachable"
    assert answer.error["retryable"] is True
    stage.wait_outcome(token, "upstream_unreachable")
    assert stage.book().begun(token) == 0


@every_class
def test_an_upstream_that_ends_with_the_request_in_its_hands(stage: Scene, tool: str) -> None:
    stage.mend()
    token = stage.token(tool)
    answer = stage.ask(tool, token, 50, how="dies").answer()
    wait_until(lambda: not stage.ledger.process.running, "the upstream is gone")
    expected = "outcome_unknown" if tool == "write" else "upstream_bad_response"
    assert answer.code == expected
    stage.wait_outcome(token, expected, ms=50, how="dies")
    assert stage.book().begun(token) == 1


@pytest.fixture(scope="module")
def unanswered(stage: Scene) -> Fate:
    """Calls for an upstream that takes longer than they have."""
    stage.mend()
    return _answers(stage, 60_000)


@every_class
def test_an_upstream_that_never_answers(unanswered: Fate, stage: Scene, tool: str) -> None:
    token, answer = unanswered[tool]
    expected = {"outcome_unknown"} if tool == "write" else {"upstream_timeout", "deadline_exceeded"}
    assert answer.code in expected
    stage.wait_outcome(token, answer.code, ms=60_000)
    assert stage.book().begun(token) == 1


@every_class
def test_an_upstream_that_answers_with_an_error_is_relayed(stage: Scene, tool: str) -> None:
    stage.mend()
    token = stage.token(tool)
    answer = stage.ask(tool, token, 0, how="fails").answer()
    assert answer.code == "error"
    stage.wait_outcome(token, "error", how="fails")
    assert stage.book().begun(token) == 1


def _answers(stage: Scene, ms: int) -> Fate:
    """One call of each class at the same time."""
    tokens = {tool: stage.token(tool) for tool in CLASSES}
    asked = {tool: stage.ask(tool, token, ms) for tool, token in tokens.items()}
    return {tool: (tokens[tool], call.answer()) for tool, call in asked.items()}
