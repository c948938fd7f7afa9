"""docs/guarantees.md, "The broker is restarted, and has lost nothing": each moment, with one call of each class."""

import signal
from collections.abc import Callable

import pytest

from tests.faults.ambush import Ambush
from tests.faults.caller import Answer, Asked
from tests.faults.scene import CLASSES, Scene

pytestmark = pytest.mark.faults

RUNNING_MS = 700


def queued(stage: Scene, tokens: dict[str, str]) -> dict[str, Asked]:
    stage.hold_workers()
    asked = {tool: stage.ask(tool, token) for tool, token in tokens.items()}
    stage.sight.wait_queued(3)
    stage.restart_broker()
    stage.let_workers_go()
    return asked


def claimed(stage: Scene, tokens: dict[str, str]) -> dict[str, Asked]:
    ambush = Ambush(stage, "worker.after_claim=stop", len(tokens))
    asked = ambush.spring_all(stage.ask, tokens)
    stage.restart_broker()
    ambush.revive()
    ambush.relieve()
    return asked


def dispatched(stage: Scene, tokens: dict[str, str]) -> dict[str, Asked]:
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.restart_broker()
    return asked


def answered(stage: Scene, tokens: dict[str, str]) -> dict[str, Asked]:
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.mesh.broker.process.kill()
    stage.wait_done(*tokens.values())
    stage.mesh.broker.start()
    return asked


def published(stage: Scene, tokens: dict[str, str]) -> dict[str, Asked]:
    asked = {tool: stage.ask(tool, token, RUNNING_MS) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    before = stage.sight.finals()
    stage.edges[0].send(signal.SIGSTOP)
    stage.sight.cut_subscriptions()  # or what was published waits for the edge in its socket
    stage.sight.wait_finals(before + len(tokens))
    stage.restart_broker()
    stage.edges[0].send(signal.SIGCONT)
    return asked


MOMENTS: dict[str, Callable[[Scene, dict[str, str]], dict[str, Asked]]] = {
    "queued": queued,
    "claimed": claimed,
    "dispatched": dispatched,
    "answered": answered,
    "published": published,
}


@pytest.fixture(scope="module", params=list(MOMENTS))
def fate(request: pytest.FixtureRequest, stage: Scene) -> tuple[str, dict[str, str], dict[str, Answer]]:
    """Three calls under which the broker was killed and started again."""
    stage.mend()
    moment: str = request.param
    tokens = {tool: stage.token(f"{tool}-{moment}") for tool in CLASSES}
    asked = MOMENTS[moment](stage, tokens)
    answers = {tool: call.answer() for tool, call in asked.items()}
    print(f"broker restarted, {moment}:", {t: f"{a.code} after {a.took_s:.2f} s" for t, a in answers.items()})
    return moment, tokens, answers


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_under_which_the_broker_restarts(
    fate: tuple[str, dict[str, str], dict[str, Answer]], stage: Scene, tool: str
) -> None:
    moment, tokens, answers = fate
    answer, token = answers[tool], tokens[tool]
    ms = 0 if moment in ("queued", "claimed") else RUNNING_MS
    unknown = tool == "write" and moment == "queued"
    stage.wait_outcome(token, "outcome_unknown" if unknown else "ok", ms=ms)
    if unknown:
        assert answer.code == "outcome_unknown"
        assert stage.book().begun(token) == 0
    else:
        assert (answer.code, answer.text) == ("ok", token)
        assert stage.book().begun(token) == 1
