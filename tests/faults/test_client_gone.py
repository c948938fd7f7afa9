"""docs/guarantees.md, "The client goes away": each moment, for each class and both eras."""

import signal
from functools import partial

import httpx2
import pytest

from tests.faults.ambush import Ambush, has_failed
from tests.faults.caller import Answer, Asked, Caller, Era
from tests.faults.scene import CLASSES, Scene
from tests.mesh import wait_until

pytestmark = pytest.mark.faults

SCENE = {"TOOLMESH_LEASE_S": "10", "TOOLMESH_LEASE_RENEW_S": "3"}
"""No worker is to lose a call here."""
RUNNING_MS = 2500
"""Longer than a read is left alone when its client is gone (`cancel_grace_s`, here 1 s)."""
ERAS: tuple[Era, ...] = ("modern", "legacy")
every_class = pytest.mark.parametrize("tool", CLASSES)
every_era = pytest.mark.parametrize("era", ERAS)


class Gone:
    """One call of each class and era, all of which lose their clients at the same moment."""

    def __init__(self, stage: Scene, ms: int) -> None:
        self.stage = stage
        self.ms = ms
        self.callers: dict[Era, Caller] = {era: stage.caller(era) for era in ERAS}
        self.tokens = {(era, tool): stage.token(f"{tool}-{era}") for era in ERAS for tool in CLASSES}
        self.asked: dict[tuple[Era, str], Asked] = {}
        self.answers: dict[tuple[Era, str], Answer] = {}

    def send(self, era: Era, tool: str) -> Asked:
        """Send one."""
        token = self.tokens[era, tool]
        asked = self.asked[era, tool] = self.stage.ask(tool, token, self.ms, caller=self.callers[era])
        return asked

    def send_all(self) -> None:
        """Send all."""
        for era, tool in self.tokens:
            self.send(era, tool)

    def cut_all(self) -> None:
        """Close all connections."""
        for asked in self.asked.values():
            asked.cut()

    def wait_noticed(self) -> None:
        """Wait until the edge knows: who has answered a later connection has seen that the earlier ones are closed."""
        for _ in range(2):
            assert httpx2.get(f"http://127.0.0.1:{self.stage.ports[0]}/livez", trust_env=False).status_code == 200

    def repeat(self, era: Era, tool: str) -> Answer:
        """The same call at the other edge."""
        arguments = {"token": self.tokens[era, tool], "ms": self.ms}
        return self.callers[era].call(tool, arguments, 1)

    def is_joined(self, era: Era, tool: str) -> None:
        """The same call gets the one result, and nothing is run again for it."""
        answer, token = self.repeat(era, tool), self.tokens[era, tool]
        assert (answer.code, answer.text, answer.attached) == ("ok", token, True)
        assert self.stage.book().begun(token) == 1
        self.stage.wait_outcome(token, "ok", ms=self.ms)


@pytest.fixture(scope="module")
def queued(stage: Scene) -> Gone:
    """Calls whose clients went away before a worker had them."""
    stage.mend()
    stage.hold_workers()
    gone = Gone(stage, 0)
    gone.send_all()
    stage.sight.wait_queued(6)
    gone.cut_all()
    wait_until(lambda: stage.sight.queued() == 3, "the calls of the 2026 era are dropped")
    stage.let_workers_go()
    return gone


@every_class
def test_a_queued_call_of_the_2026_era_is_dropped(queued: Gone, stage: Scene, tool: str) -> None:
    token = queued.tokens["modern", tool]
    stage.wait_outcome(token, "cancelled")
    assert stage.book().begun(token) == 0


@every_class
def test_a_queued_call_of_the_2025_era_goes_on_and_its_result_is_kept(queued: Gone, stage: Scene, tool: str) -> None:
    stage.wait_done(queued.tokens["legacy", tool])
    queued.is_joined("legacy", tool)


@pytest.fixture(scope="module")
def left_alone(stage: Scene) -> Gone:
    """Running calls whose clients went away and did not come back before they were over."""
    stage.mend()
    gone = Gone(stage, RUNNING_MS)
    gone.send_all()
    stage.wait_begun(*gone.tokens.values())
    gone.cut_all()
    stage.wait_done(*(token for (era, tool), token in gone.tokens.items() if era == "legacy" or tool == "write"))
    return gone


@pytest.mark.parametrize("tool", ["read", "put"])
def test_a_running_read_of_the_2026_era_is_stopped_after_a_while(left_alone: Gone, stage: Scene, tool: str) -> None:
    stage.wait_outcome(left_alone.tokens["modern", tool], "cancelled", ms=RUNNING_MS)


@pytest.mark.parametrize(("era", "tool"), [("modern", "write"), *(("legacy", tool) for tool in CLASSES)])
def test_what_goes_on_without_its_client_is_run_once_and_kept(left_alone: Gone, era: Era, tool: str) -> None:
    left_alone.is_joined(era, tool)


@pytest.fixture(scope="module")
def called_again(stage: Scene) -> Gone:
    """Running calls that were sent again at the other edge while they still ran, in the moment in which they were cut.

    They have run for longer than a second, as a client's patience does: a younger one that is not known to have lost its
    client yet is not waited for.
    """
    stage.mend()
    gone = Gone(stage, RUNNING_MS)
    gone.send_all()
    stage.wait_age(1.1, *gone.tokens.values())
    gone.cut_all()
    again = {
        (era, tool): stage.ask(tool, token, RUNNING_MS, 1, gone.callers[era]) for (era, tool), token in gone.tokens.items()
    }
    gone.answers = {key: asked.answer() for key, asked in again.items()}
    return gone


@every_era
@every_class
def test_a_running_call_that_is_sent_again_at_once_gets_the_one_result(
    called_again: Gone, stage: Scene, era: Era, tool: str
) -> None:
    token, answer = called_again.tokens[era, tool], called_again.answers[era, tool]
    assert (answer.code, answer.text, answer.attached) == ("ok", token, True)
    assert stage.book().begun(token) == 1
    stage.wait_outcome(token, "ok", ms=RUNNING_MS)


@every_class
def test_a_claimed_call_of_the_2026_era_ends_as_cancelled_and_not_sent_or_as_done_once(stage: Scene, tool: str) -> None:
    """What was claimed and what was sent can't be told apart while the worker is held; what is said is true."""
    stage.mend()
    ambush = Ambush(stage, "worker.after_claim=stop", 1)
    gone = Gone(stage, 0)
    ambush.spring(lambda: gone.send("modern", tool))
    gone.cut_all()
    ambush.revive()
    ambush.relieve()
    token = gone.tokens["modern", tool]
    wait_until(lambda: bool(stage.codes(token)), "the call is over")
    (code,) = stage.codes(token)
    if code == "cancelled":
        assert stage.book().done(token) == 0
    else:
        assert code == "ok"
        gone.is_joined("modern", tool)


@every_class
def test_a_claimed_call_of_the_2025_era_goes_on(stage: Scene, tool: str) -> None:
    stage.mend()
    ambush = Ambush(stage, "worker.after_claim=stop", 1)
    gone = Gone(stage, 0)
    ambush.spring(lambda: gone.send("legacy", tool))
    gone.cut_all()
    gone.wait_noticed()
    ambush.revive()
    ambush.relieve()
    gone.is_joined("legacy", tool)


@pytest.fixture(scope="module")
def answered(stage: Scene) -> Gone:
    """Calls whose clients went away when the upstream had answered, and the worker had not published."""
    stage.mend()
    gone = Gone(stage, 100)
    ambush = Ambush(stage, "worker.after_answer=stop", len(gone.tokens))
    for era, tool in gone.tokens:
        ambush.spring(partial(gone.send, era, tool))
    gone.cut_all()
    ambush.revive()
    ambush.relieve()
    return gone


@every_era
@every_class
def test_the_result_of_a_call_that_was_answered_is_kept(answered: Gone, era: Era, tool: str) -> None:
    answered.is_joined(era, tool)


@every_era
@every_class
def test_the_result_of_a_call_that_was_published_is_kept(stage: Scene, era: Era, tool: str) -> None:
    """The client is gone before its edge writes the answer."""
    stage.mend()
    stage.start_edge(0, TOOLMESH_FAILPOINTS="edge.before_deliver=stop")
    stage.wait_until_ready()
    gone = Gone(stage, 100)
    gone.send(era, tool)
    wait_until(lambda: has_failed(stage.edges[0]), "the edge has the answer")
    gone.cut_all()
    stage.edges[0].send(signal.SIGCONT)
    stage.wait_outcome(gone.tokens[era, tool], "ok", ms=100)
    gone.is_joined(era, tool)
