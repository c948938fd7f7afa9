"""docs/guarantees.md, "A worker is stopped and revived": each moment, with one call of each class."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.ambush import Ambush
from tests.faults.caller import Answer
from tests.faults.scene import CLASSES, Scene
from tests.mesh import wait_until

pytestmark = pytest.mark.faults

RUNNING_MS = 500


@dataclass(frozen=True)
class Fate:
    """What became of three calls, one of each class, by the class's tool."""

    moment: str
    answers: dict[str, Answer]
    tokens: dict[str, str]
    ms: int


def stopped_while_running(stage: Scene, tokens: dict[str, str]) -> dict[str, Answer]:
    stage.workers[1].send(signal.SIGSTOP)
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.workers[0].send(signal.SIGSTOP)
    stage.workers[1].send(signal.SIGCONT)
    answers = {tool: call.answer() for tool, call in asked.items()}
    stage.workers[0].send(signal.SIGCONT)
    stage.workers[0].stop()
    return answers


def stopped_at(failpoint: str) -> Callable[[Scene, dict[str, str]], dict[str, Answer]]:
    """Stopped at an exact place, one worker for each call, until another one has answered."""

    def run(stage: Scene, tokens: dict[str, str]) -> dict[str, Answer]:
        ambush = Ambush(stage, f"{failpoint}=stop", len(tokens))
        asked = ambush.spring_all(stage.ask, tokens)
        ambush.relieve()
        answers = {tool: call.answer() for tool, call in asked.items()}
        ambush.revive()
        for worker in ambush.hit:
            worker.stop()  # it ends what it still has in hand first
        return answers

    return run


MOMENTS = {
    "claimed": stopped_at("worker.after_claim"),
    "before the mark": stopped_at("worker.before_dispatch"),
    "after the mark": stopped_at("worker.after_dispatch"),
    "dispatched": stopped_while_running,
    "answered": stopped_at("worker.after_answer"),
}
RUNS: dict[str, tuple[int, int, int]] = {
    "claimed": (1, 1, 1),
    "before the mark": (1, 1, 1),
    "after the mark": (1, 1, 0),
    "dispatched": (2, 2, 1),
    "answered": (2, 2, 1),
}
"""How often the upstream is asked: read, idempotent, write."""
SENT = ("after the mark", "dispatched", "answered")


@pytest.fixture(scope="module", params=list(MOMENTS))
def fate(request: pytest.FixtureRequest, stage: Scene) -> Fate:
    """Three calls whose worker was stopped until another one had answered, and then went on."""
    stage.mend()
    moment: str = request.param
    tokens = {tool: stage.token(f"{tool}-{moment}") for tool in CLASSES}
    answers = MOMENTS[moment](stage, tokens)
    return Fate(moment, answers, tokens, RUNNING_MS if moment == "dispatched" else 0)


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_whose_worker_is_stopped_and_revived(fate: Fate, stage: Scene, tool: str) -> None:
    answer, token, moment = fate.answers[tool], fate.tokens[tool], fate.moment
    unknown = tool == "write" and moment in SENT
    assert answer.code == ("outcome_unknown" if unknown else "ok")
    stage.wait_outcome(token, "outcome_unknown" if unknown else "ok", ms=fate.ms)
    if tool == "write":
        assert stage.codes(token, fate.ms, "intent") == ["dispatched"]
    if unknown and moment in ("dispatched", "answered"):
        stage.wait_outcome(token, "ok", ms=fate.ms, phase="late")
    # Last, when everything that a revived worker might still have sent is sent.
    assert stage.book().begun(token) == RUNS[moment][CLASSES.index(tool)]


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_that_no_other_worker_took_is_answered_by_the_revived_one(stage: Scene, tool: str) -> None:
    stage.mend()
    stage.workers[1].send(signal.SIGSTOP)
    token = stage.token(tool)
    asked = stage.ask(tool, token, RUNNING_MS)
    stage.wait_begun(token)
    stage.workers[0].send(signal.SIGSTOP)
    wait_until(lambda: not stage.sight.leases(), "the lease is over")
    stage.workers[0].send(signal.SIGCONT)
    answer = asked.answer()
    stage.workers[1].send(signal.SIGCONT)
    assert (answer.code, answer.text) == ("ok", token)
    assert stage.book().begun(token) == 1
    stage.wait_outcome(token, "ok", ms=RUNNING_MS)
