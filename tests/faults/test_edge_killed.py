"""docs/guarantees.md, "An edge is killed": each moment, with one call of each class, repeated at the other edge."""

import signal
from collections.abc import Callable

import pytest

from tests.faults.ambush import Ambush, has_failed
from tests.faults.caller import Answer, Asked, Broken, Caller
from tests.faults.scene import CLASSES, Scene
from tests.mesh import wait_until

pytestmark = pytest.mark.faults

SCENE = {"TOOLMESH_LEASE_S": "10", "TOOLMESH_LEASE_RENEW_S": "3"}
"""No worker is to lose a call here."""
RUNNING_MS = 800
Killing = Callable[[Scene, dict[str, str], dict[str, Caller]], dict[str, Asked]]


def queued(stage: Scene, tokens: dict[str, str], callers: dict[str, Caller]) -> dict[str, Asked]:
    before = stage.sight.findable()
    stage.hold_workers()
    asked = {tool: stage.ask(tool, token, RUNNING_MS, caller=callers[tool]) for tool, token in tokens.items()}
    stage.sight.wait_queued(3)
    stage.sight.wait_findable(before + 3)
    stage.edges[0].kill()
    stage.let_workers_go()
    return asked


def dispatched(stage: Scene, tokens: dict[str, str], callers: dict[str, Caller]) -> dict[str, Asked]:
    before = stage.sight.findable()
    asked = {tool: stage.ask(tool, token, RUNNING_MS, caller=callers[tool]) for tool, token in tokens.items()}
    stage.wait_begun(*tokens.values())
    stage.sight.wait_findable(before + 3)
    stage.edges[0].kill()
    return asked


def while_a_worker_is_held(failpoint: str) -> Killing:
    """Killed while workers are held at an exact place, one with each call."""

    def run(stage: Scene, tokens: dict[str, str], callers: dict[str, Caller]) -> dict[str, Asked]:
        before = stage.sight.findable()
        ambush = Ambush(stage, f"{failpoint}=stop", len(tokens))
        asked = ambush.spring_all(lambda tool, token: stage.ask(tool, token, RUNNING_MS, caller=callers[tool]), tokens)
        stage.sight.wait_findable(before + 3)
        stage.edges[0].kill()
        ambush.revive()
        ambush.relieve()
        return asked

    return run


MOMENTS: dict[str, Killing] = {
    "queued": queued,
    "claimed": while_a_worker_is_held("worker.after_claim"),
    "dispatched": dispatched,
    "answered": while_a_worker_is_held("worker.after_answer"),
}


@pytest.fixture(scope="module", params=list(MOMENTS))
def repeated(request: pytest.FixtureRequest, stage: Scene) -> tuple[dict[str, str], dict[str, Answer]]:
    """Three calls whose edge was killed, and what the same calls got at the other edge."""
    stage.mend()
    tokens = {tool: stage.token(f"{tool}-{request.param}") for tool in CLASSES}
    callers = {"read": stage.caller(), "put": stage.caller("legacy"), "write": stage.caller("legacy")}
    asked = MOMENTS[request.param](stage, tokens, callers)
    assert all(call.broke for call in asked.values())
    again = {tool: stage.ask(tool, token, RUNNING_MS, 1, callers[tool]) for tool, token in tokens.items()}
    answers = {tool: call.answer() for tool, call in again.items()}
    print(f"edge killed, {request.param}:", {tool: f"{answer.took_s:.2f} s" for tool, answer in answers.items()})
    return tokens, answers


@pytest.mark.parametrize("tool", CLASSES)
def test_the_same_call_at_the_other_edge_gets_the_one_result(
    repeated: tuple[dict[str, str], dict[str, Answer]], stage: Scene, tool: str
) -> None:
    tokens, answers = repeated
    assert (answers[tool].code, answers[tool].text) == ("ok", tokens[tool])
    assert answers[tool].attached
    assert stage.book().begun(tokens[tool]) == 1
    stage.wait_outcome(tokens[tool], "ok", ms=RUNNING_MS)


@pytest.mark.parametrize("tool", CLASSES)
@pytest.mark.parametrize("moment", ["before_enqueue", "after_enqueue", "before_deliver"])
def test_an_edge_that_dies_at_an_exact_place(stage: Scene, moment: str, tool: str) -> None:
    token, caller = stage.token(f"{tool}-{moment}"), stage.caller()
    _die_at(stage, f"edge.{moment}", caller, tool, token)
    if moment == "before_enqueue":
        assert stage.trail().of_arguments(Caller.digest({"token": token, "ms": 100})) == []
        assert stage.book().begun(token) == 0
    else:
        stage.wait_outcome(token, "ok", ms=100)
    answer = caller.call(tool, {"token": token, "ms": 100}, 1)
    assert (answer.code, answer.text) == ("ok", token)
    # What may run again is found when it has run for 50 ms; before, it is run again.
    unknown_yet = moment == "before_enqueue" or (moment == "after_enqueue" and tool != "write")
    assert answer.attached is not unknown_yet
    assert stage.book().begun(token) == (2 if unknown_yet and moment != "before_enqueue" else 1)


@pytest.mark.parametrize("tool", CLASSES)
def test_an_edge_that_dies_after_the_last_byte_takes_nothing_from_the_client(stage: Scene, tool: str) -> None:
    stage.start_edge(0, TOOLMESH_FAILPOINTS="edge.after_deliver=kill")
    stage.wait_until_ready()
    token = stage.token(tool)
    asked = stage.ask(tool, token, 100)
    assert (asked.answer().code, asked.answer().text) == ("ok", token)
    wait_until(lambda: not stage.edges[0].running, "the edge dies")
    assert stage.book().begun(token) == 1
    stage.wait_outcome(token, "ok", ms=100)


@pytest.fixture(scope="module")
def silent(stage: Scene) -> dict[str, tuple[str, Asked, Answer]]:
    """Calls whose edge was stopped for longer than its heartbeat counts, sent again at the other one, and then revived."""
    stage.mend()
    before, caller = stage.sight.findable(), stage.caller()
    tokens = {tool: stage.token(tool) for tool in CLASSES}
    asked = {tool: stage.ask(tool, token, 200, caller=caller) for tool, token in tokens.items()}
    stage.sight.wait_findable(before + 3)
    stage.edges[0].send(signal.SIGSTOP)
    stage.sight.wait_edges(1)
    again = {tool: stage.ask(tool, token, 200, 1, caller) for tool, token in tokens.items()}
    answers = {tool: call.answer() for tool, call in again.items()}
    stage.edges[0].send(signal.SIGCONT)
    return {tool: (token, asked[tool], answers[tool]) for tool, token in tokens.items()}


@pytest.mark.parametrize("tool", CLASSES)
def test_an_edge_that_is_stopped_for_longer_than_its_heartbeat_counts_as_gone(
    silent: dict[str, tuple[str, Asked, Answer]], stage: Scene, tool: str
) -> None:
    token, asked, again = silent[tool]
    assert (again.code, again.text, again.attached) == ("ok", token, True)
    assert asked.answer().text == token
    assert stage.book().begun(token) == 1


@pytest.mark.parametrize("tool", ["put", "write"])
def test_a_stopped_edge_that_is_revived_does_not_start_what_its_client_gave_up_and_sent_elsewhere(
    stage: Scene, tool: str
) -> None:
    stage.mend()
    token, caller = stage.token(f"{tool}-given-up"), stage.caller()
    caller.call("read", {"token": stage.token("read"), "ms": 0}, 0)  # a session that is there before, in the older era
    stage.edges[0].send(signal.SIGSTOP)
    given_up = stage.ask(tool, token, 0, caller=caller)  # the system takes it in: it lies there until the edge is revived
    given_up.wait_sent()
    given_up.cut()
    answer = caller.call(tool, {"token": token, "ms": 0}, 1)
    assert (answer.code, answer.text) == ("ok", token)
    stage.edges[0].send(signal.SIGCONT)
    wait_until(lambda: stage.lists_tools(0), "the edge is back")
    stage.wait_outcome(token, "ok")
    assert stage.book().begun(token) == 1


def _die_at(stage: Scene, failpoint: str, caller: Caller, tool: str, token: str) -> None:
    """Have the first edge die at that place with this call."""
    stage.start_edge(0, TOOLMESH_FAILPOINTS=f"{failpoint}=kill")
    stage.wait_until_ready()
    with pytest.raises(Broken):
        caller.call(tool, {"token": token, "ms": 100}, 0)
    assert has_failed(stage.edges[0])
