"""docs/guarantees.md: every accepted call is answered soon after its time is over, and the answer is true."""

import pytest

from tests.faults.caller import Answer
from tests.faults.scene import CLASSES, Scene

pytestmark = pytest.mark.faults

SCENE = {"edges": 1, "workers": 1, "TOOLMESH_EXEC_TIMEOUT": "3"}
Fate = dict[str, tuple[str, Answer]]
"""Token and answer, by the class's tool."""


@pytest.fixture(scope="module")
def bereft(stage: Scene) -> Fate:
    """Running calls whose only worker was killed: nobody is left to say what became of them."""
    stage.mend()
    tokens = {tool: stage.token(tool) for tool in CLASSES}
    asked = {tool: stage.ask(tool, token, 60_000) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.workers[0].kill()
    return {tool: (tokens[tool], call.answer()) for tool, call in asked.items()}


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_whose_only_worker_is_killed_has_an_end_that_is_true(bereft: Fate, stage: Scene, tool: str) -> None:
    """A write that was sent may not be called one that was not started."""
    token, answer = bereft[tool]
    assert answer.code == ("outcome_unknown" if tool == "write" else "deadline_exceeded")
    assert stage.book().begun(token) == 1
    print(f"only worker killed in a {tool}: {answer.code} after {answer.took_s:.2f} s of 3 s")


@pytest.fixture(scope="module")
def never_taken(stage: Scene) -> Fate:
    """Calls that lay on their queues until their time was over."""
    stage.mend()
    stage.hold_workers()
    tokens = {tool: stage.token(tool) for tool in CLASSES}
    asked = {tool: stage.ask(tool, token) for tool, token in tokens.items()}
    answers = {tool: (tokens[tool], call.answer()) for tool, call in asked.items()}
    stage.let_workers_go()
    return answers


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_that_no_worker_took_ends_unexecuted(never_taken: Fate, stage: Scene, tool: str) -> None:
    token, answer = never_taken[tool]
    assert answer.code == "deadline_exceeded"
    stage.wait_outcome(token, "deadline_exceeded")
    assert stage.book().begun(token) == 0
