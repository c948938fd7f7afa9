"""docs/guarantees.md, "The broker is rolled back, or comes back empty": each moment, with one call of each class."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.ambush import Ambush
from tests.faults.caller import Answer, Asked
from tests.faults.scene import CLASSES, Scene

pytestmark = pytest.mark.faults

RUNNING_MS = 700
Loss = Callable[[], None]


def queued(stage: Scene, tokens: dict[str, str], lose: Loss) -> dict[str, Asked]:
    stage.hold_workers()
    asked = {tool: stage.ask(tool, token) for tool, token in tokens.items()}
    stage.sight.wait_queued(3)
    lose()
    stage.let_workers_go()
    return asked


def claimed(stage: Scene, tokens: dict[str, str], lose: Loss) -> dict[str, Asked]:
    ambush = Ambush(stage, "worker.after_claim=stop", len(tokens))
    asked = ambush.spring_all(stage.ask, tokens)
    lose()
    ambush.revive()
    ambush.relieve()
    return asked


def dispatched(stage: Scene, tokens: dict[str, str], lose: Loss) -> dict[str, Asked]:
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    lose()
    return asked


def answered(stage: Scene, tokens: dict[str, str], lose: Loss) -> dict[str, Asked]:
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.mesh.broker.process.kill()
    stage.wait_done(*tokens.values())
    lose()
    return asked


def published(stage: Scene, tokens: dict[str, str], lose: Loss) -> dict[str, Asked]:
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    before = stage.sight.finals()
    stage.edges[0].send(signal.SIGSTOP)
    stage.sight.cut_subscriptions()  # or what was published waits for the edge in its socket
    stage.sight.wait_finals(before + len(tokens))
    lose()
    stage.edges[0].send(signal.SIGCONT)
    return asked


MOMENTS: dict[str, Callable[[Scene, dict[str, str], Loss], dict[str, Asked]]] = {
    "queued": queued,
    "claimed": claimed,
    "dispatched": dispatched,
    "answered": answered,
    "published": published,
}
LOSSES = ("rolled back", "empty")


@pytest.fixture(scope="module", params=[(loss, moment) for loss in LOSSES for moment in MOMENTS], ids="-".join)
def fate(request: pytest.FixtureRequest, stage: Scene) -> tuple[str, dict[str, str], dict[str, Answer]]:
    """Three calls under which the broker forgot that they ever were."""
    stage.mend()
    loss, moment = request.param
    past: Path | None = stage.keep_past() if loss == "rolled back" else None
    tokens = {tool: stage.token(f"{tool}-{moment}") for tool in CLASSES}
    asked = MOMENTS[moment](stage, tokens, lambda: stage.restart_broker(past, empty=past is None))
    answers = {tool: call.answer() for tool, call in asked.items()}
    print(f"broker {loss}, {moment}:", {t: f"{a.code} after {a.took_s:.2f} s" for t, a in answers.items()})
    return moment, tokens, answers


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_that_the_broker_forgot(
    fate: tuple[str, dict[str, str], dict[str, Answer]], stage: Scene, tool: str
) -> None:
    moment, tokens, answers = fate
    answer, token = answers[tool], tokens[tool]
    ms = 0 if moment in ("queued", "claimed") else RUNNING_MS
    runs = stage.book().begun(token)
    if tool == "write" and moment in ("queued", "published"):
        assert answer.code == "outcome_unknown"
        assert runs == (0 if moment == "queued" else 1)
        return
    assert (answer.code, answer.text) == ("ok", token)
    assert runs == (2 if moment == "published" else 1)
    assert "ok" in stage.codes(token, ms) or moment == "published"
