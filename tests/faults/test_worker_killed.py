"""docs/guarantees.md, "A worker is killed": each moment, with one call of each class."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from shared import keys
from tests.faults.ambush import Ambush
from tests.faults.caller import Answer
from tests.faults.scene import CLASSES, Scene
from tests.mesh import Process, wait_until

pytestmark = pytest.mark.faults


@dataclass(frozen=True)
class Fate:
    """What became of three calls, one of each class, by the class's tool."""

    moment: str
    answers: dict[str, Answer]
    tokens: dict[str, str]


Fates = dict[str, Callable[[Scene, dict[str, str]], dict[str, Answer]]]


def queued(stage: Scene, tokens: dict[str, str]) -> dict[str, Answer]:
    stage.hold_workers()
    asked = {tool: stage.ask(tool, token) for tool, token in tokens.items()}
    stage.sight.wait_queued(3)
    stage.workers[1].kill()
    stage.workers[0].send(signal.SIGCONT)
    return {tool: call.answer() for tool, call in asked.items()}


def running(stage: Scene, tokens: dict[str, str]) -> dict[str, Answer]:
    stage.workers[1].send(signal.SIGSTOP)
    asked = {tool: stage.ask(tool, token, 1500) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.workers[0].kill()
    stage.workers[1].send(signal.SIGCONT)
    return {tool: call.answer() for tool, call in asked.items()}


def ambushed(failpoint: str) -> Callable[[Scene, dict[str, str]], dict[str, Answer]]:
    """Killed at an exact place, one worker for each call."""

    def run(stage: Scene, tokens: dict[str, str]) -> dict[str, Answer]:
        ambush = Ambush(stage, f"{failpoint}=kill", len(tokens))
        asked = ambush.spring_all(stage.ask, tokens)
        ambush.relieve()
        return {tool: call.answer() for tool, call in asked.items()}

    return run


MOMENTS: Fates = {
    "queued": queued,
    "claimed": ambushed("worker.after_claim"),
    "before the mark": ambushed("worker.before_dispatch"),
    "after the mark": ambushed("worker.after_dispatch"),
    "dispatched": running,
    "answered": ambushed("worker.after_answer"),
    "published": ambushed("worker.after_publish"),
}
RUNS: dict[str, tuple[int, int, int]] = {
    "queued": (1, 1, 1),
    "claimed": (1, 1, 1),
    "before the mark": (1, 1, 1),
    "after the mark": (1, 1, 0),
    "dispatched": (2, 2, 1),
    "answered": (2, 2, 1),
    "published": (1, 1, 1),
}
"""How often the upstream is asked: read, idempotent, write."""
SENT = ("after the mark", "dispatched", "answered")


@pytest.fixture(scope="module", params=list(MOMENTS))
def fate(request: pytest.FixtureRequest, stage: Scene) -> Fate:
    """Three calls that a worker died with."""
    stage.mend()
    moment: str = request.param
    tokens = {tool: stage.token(f"{tool}-{moment}") for tool in CLASSES}
    answers = MOMENTS[moment](stage, tokens)
    for tool, answer in answers.items():
        print(f"worker killed, {moment}, {tool}: {answer.code} after {answer.took_s:.2f} s")
    return Fate(moment, answers, tokens)


@pytest.mark.parametrize("tool", CLASSES)
def test_a_call_whose_worker_is_killed(fate: Fate, stage: Scene, tool: str) -> None:
    answer, token, moment = fate.answers[tool], fate.tokens[tool], fate.moment
    unknown = tool == "write" and moment in SENT
    assert answer.code == ("outcome_unknown" if unknown else "ok")
    assert stage.book().begun(token) == RUNS[moment][CLASSES.index(tool)]
    ms = 1500 if moment == "dispatched" else 0
    stage.wait_outcome(token, "outcome_unknown" if unknown else "ok", ms=ms)
    if tool == "write":
        assert stage.codes(token, ms, "intent") == ["dispatched"]
    if unknown:
        error = answer.error
        assert error["status"] == "unknown"
        assert error["retry_safe"] is False
        assert error["check"]
        assert error["call_id"]
    else:
        assert answer.text == token


@pytest.mark.parametrize("tool", ["read", "put"])
def test_a_call_that_may_run_again_and_loses_two_workers_is_a_dead_letter(stage: Scene, tool: str) -> None:
    stage.mend()
    token = stage.token(tool)
    asked = stage.ask(tool, token, 15_000)
    first = _kill_the_one_that_runs(stage, token, 1)
    _kill_the_one_that_runs(stage, token, 2)
    stage.start_worker(stage.workers.index(first))
    _is_dead_letter(stage, asked.answer(), token, 15_000)
    assert stage.book().begun(token) == 2


def test_a_write_that_loses_two_workers_before_it_was_sent_is_a_dead_letter_and_not_executed(stage: Scene) -> None:
    stage.mend()
    token = stage.token("write")
    ambush = Ambush(stage, "worker.after_claim=kill", 2)
    asked = ambush.spring(lambda: stage.ask("write", token))
    ambush.spring_unsent()
    ambush.relieve()
    _is_dead_letter(stage, asked.answer(), token, 0)
    assert stage.book().begun(token) == 0


def _kill_the_one_that_runs(stage: Scene, token: str, times: int) -> Process:
    wait_until(lambda: stage.book().begun(token) == times, f"the call runs for the {times}. time")
    holder = stage.holder()
    holder.kill()
    return holder


def _is_dead_letter(stage: Scene, answer: Answer, token: str, ms: int) -> None:
    assert answer.code == "dead_lettered"
    with stage.mesh.broker.client() as redis:
        letters = [member.decode() for member in redis.zrange(keys.dead_letters("default"), 0, -1)]
    assert keys.job_id("default", answer.error["call_id"]) in letters
    stage.wait_outcome(token, "dead_lettered", ms=ms)
