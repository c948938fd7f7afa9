"""The ten most telling cells of `docs/guarantees.md`, one after the other, on one scene."""

import signal
import time
from collections.abc import Callable

from tests.faults.ambush import Ambush
from tests.faults.caller import Answer, Asked, Caller
from tests.faults.history import Ask, History
from tests.faults.load import Load, end_of
from tests.faults.scene import Scene
from tests.mesh import Process, wait_until


class Stage:
    """A scene, and the history of what is played on it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.history = History()
        self.figures: list[str] = []

    def ended(self, tool: str, token: str, ms: int, answer: Answer) -> Answer:
        """Note how a call ended."""
        end, code = end_of(answer)
        self.history.add(
            Ask(
                tool=tool,
                token=token,
                arguments_sha256=Caller.digest({"token": token, "ms": ms}),
                end=end,
                code=code,
                text=answer.text,
                call_id=answer.call_id,
                ended=time.time(),
                attached=answer.attached,
            )
        )
        return answer

    def figure(self, what: str) -> None:
        """Note a figure, to be read by people."""
        self.figures.append(what)

    def ambushed(self, failpoint: str, tool: str, expected: str) -> Answer:
        """One call that runs into an armed worker, and is then left to the healthy ones."""
        scene, token = self.scene, self.scene.token(tool)
        ambush = Ambush(scene, failpoint, 1)
        asked = ambush.spring(lambda: scene.ask(tool, token))
        ambush.relieve()
        return self.expect(asked, tool, token, 0, expected)

    def expect(self, asked: Asked, tool: str, token: str, ms: int, expected: str) -> Answer:
        """Wait for an answer, note it, and hold it against what it should be."""
        answer = self.ended(tool, token, ms, asked.answer())
        assert answer.code == expected, f"{tool}: {answer.code}, not {expected}"
        return answer


def worker_killed_in_a_read(stage: Stage) -> None:
    _kill_while_running(stage, "read", "ok")


def worker_killed_in_a_write(stage: Stage) -> None:
    """Before the upstream was done with it, and after."""
    _kill_while_running(stage, "write", "outcome_unknown")
    stage.scene.mend()
    stage.ambushed("worker.after_answer=kill", "write", "outcome_unknown")


def _kill_while_running(stage: Stage, tool: str, expected: str) -> None:
    scene, token = stage.scene, stage.scene.token(tool)
    asked = scene.ask(tool, token, 1000)
    scene.wait_begun(token)
    killed = time.monotonic()
    scene.holder().kill()
    stage.expect(asked, tool, token, 1000, expected)
    stage.figure(f"worker killed in a {tool} (lease 2 s): {expected} {time.monotonic() - killed:.2f} s later")


def worker_killed_between_claim_and_start(stage: Stage) -> None:
    stage.ambushed("worker.after_claim=kill", "write", "ok")


def worker_stopped_and_revived(stage: Stage) -> None:
    """Both a read, which another one answers, and a write, of which the audit learns later what became of it."""
    scene = stage.scene
    tokens = {tool: scene.token(tool) for tool in ("read", "write")}
    for worker in scene.workers[1:]:
        worker.send(signal.SIGSTOP)
    asked = {tool: scene.ask(tool, token, 500) for tool, token in tokens.items()}
    scene.wait_begun(*tokens.values())
    scene.workers[0].send(signal.SIGSTOP)
    for worker in scene.workers[1:]:
        worker.send(signal.SIGCONT)
    stage.expect(asked["read"], "read", tokens["read"], 500, "ok")
    stage.expect(asked["write"], "write", tokens["write"], 500, "outcome_unknown")
    scene.workers[0].send(signal.SIGCONT)
    scene.wait_outcome(tokens["write"], "ok", ms=500, phase="late")


def edge_killed_and_the_same_call_at_the_other(stage: Stage) -> None:
    scene = stage.scene
    for tool in ("read", "write"):
        scene.mend()
        token, caller = scene.token(tool), scene.caller("legacy" if tool == "read" else "modern")
        before = scene.sight.findable()
        asked = scene.ask(tool, token, 1500, caller=caller)
        scene.wait_begun(token)
        scene.sight.wait_findable(before + 1)
        killed = time.monotonic()
        scene.edges[0].kill()
        assert asked.broke
        answer = stage.ended(tool, token, 1500, caller.call(tool, {"token": token, "ms": 1500}, 1))
        runs = scene.book().begun(token)
        stage.figure(
            f"edge killed in a {tool} of 1.5 s: the same call at the other edge answered {time.monotonic() - killed:.2f} s "
            f"later, attached: {answer.attached}, executions: {runs}"
        )
        assert (answer.code, answer.attached, runs) == ("ok", True, 1)


def broker_restarted(stage: Stage) -> None:
    scene = stage.scene
    tokens = {tool: scene.token(tool) for tool in ("read", "put", "write")}
    asked = {tool: scene.ask(tool, token, 800) for tool, token in tokens.items()}
    scene.wait_begun(*tokens.values())
    scene.restart_broker()
    for tool, token in tokens.items():
        stage.expect(asked[tool], tool, token, 800, "ok")


def subscriptions_lost(stage: Stage) -> None:
    """Over and over, while calls end: results that no channel carried are read from their keys."""
    scene = stage.scene
    tokens = [scene.token("read") for _ in range(40)]
    asked = [scene.ask("read", token, 10 * number, number % 2) for number, token in enumerate(tokens)]
    for _ in range(8):
        scene.sight.cut_subscriptions()
        time.sleep(0.05)
    for number, (one, token) in enumerate(zip(asked, tokens, strict=True)):
        stage.expect(one, "read", token, 10 * number, "ok")


def client_cuts_and_repeats(stage: Stage) -> None:
    """Five times, at both edges in turn."""
    scene = stage.scene
    token, caller = scene.token("write"), scene.caller("legacy")
    asked = scene.ask("write", token, 8000, caller=caller)
    scene.wait_begun(token)
    for number in range(5):
        scene.wait_age(1.1 * (number + 1), token)
        asked.cut()
        asked = scene.ask("write", token, 8000, (number + 1) % 2, caller)
    stage.expect(asked, "write", token, 8000, "ok")
    runs = scene.book().begun(token)
    stage.figure(f"client that cuts and repeats five times: executions: {runs}")
    assert runs == 1


def rolling_restart(stage: Stage) -> None:
    """Every edge and every worker is told to end and started again, one after the other, under load."""
    scene = stage.scene
    load = Load(scene, stage.history, 1, clients=8, calls=100_000, limit_s=25)
    load.start(0.05)
    for index in range(len(scene.workers)):
        _end(scene.workers[index])
        scene.start_worker(index)
        scene.wait_until_serving([scene.workers[index]])
    for index in range(len(scene.edges)):
        _end(scene.edges[index])
        scene.start_edge(index)
        wait_until(lambda index=index: scene.lists_tools(index), "an edge lists the tools")
    load.stop()
    assert load.join(60), "a client is still waiting"
    asks = stage.history.asks
    bad = [f"{ask.tool} {ask.end} {ask.code}" for ask in asks if ask.end != "ok"]
    stage.figure(f"rolling restart of all roles: {load.made} calls, {len(bad)} not answered with their result {bad[:5]}")
    assert not bad


def _end(role: Process) -> None:
    assert role.stop(20) == 0, role.log.name


def broker_rolled_back(stage: Stage) -> None:
    """To before the calls; then it comes back empty."""
    scene = stage.scene
    for empty in (False, True):
        scene.mend()
        past = scene.keep_past()
        tokens = {tool: scene.token(tool) for tool in ("read", "put", "write")}
        asked = {tool: scene.ask(tool, token, 800) for tool, token in tokens.items()}
        scene.wait_begun(*tokens.values())
        scene.restart_broker(None if empty else past, empty=empty)
        for tool, token in tokens.items():
            stage.expect(asked[tool], tool, token, 800, "ok")


SCENARIOS: tuple[Callable[[Stage], None], ...] = (
    worker_killed_in_a_read,
    worker_killed_in_a_write,
    worker_killed_between_claim_and_start,
    worker_stopped_and_revived,
    edge_killed_and_the_same_call_at_the_other,
    subscriptions_lost,
    client_cuts_and_repeats,
    broker_restarted,
    rolling_restart,
    broker_rolled_back,
)
FORGETS = (broker_rolled_back,)
"""After these the audit may have gaps: the broker has lost what no store had written yet."""


_LONG_MS = 2_000
"""Long enough to be killed in, also where the machine is slow."""


def default_lease_figure(scene: Scene) -> str:
    """How long a read and a write wait for the lease of ten seconds that a killed worker leaves behind."""
    scene.workers[1].send(signal.SIGSTOP)
    tokens = {tool: scene.token(tool) for tool in ("read", "write")}
    asked = {tool: scene.ask(tool, token, _LONG_MS) for tool, token in tokens.items()}
    scene.wait_begun(*tokens.values())
    killed = time.monotonic()
    scene.workers[0].kill()
    scene.workers[1].send(signal.SIGCONT)
    answers = {tool: one.answer() for tool, one in asked.items()}
    waits = (f"{tool}: {a.code} {asked[tool].began + a.took_s - killed:.2f} s later" for tool, a in answers.items())
    return f"worker killed, lease 10 s, calls of {_LONG_MS / 1000:g} s: {', '.join(waits)}"
