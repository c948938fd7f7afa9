"""Edges that die, drain or are stopped with requests of a script in hand, and a broker that is restarted: the calls go
on, once."""

import os
import signal
from collections.abc import Iterator

import msgspec
import pytest

from shared.inner import InnerRequest, InnerResult
from tests.client import Client
from tests.e2e.code_mesh import CodeMesh, code_mesh
from tests.e2e.played_worker import now_ms
from tests.mesh import Process, wait_until

QUICK = {
    "TOOLMESH_LEASE_S": "2",
    "TOOLMESH_LEASE_RENEW_S": "0.5",
    "TOOLMESH_HEARTBEAT_S": "0.25",
    "TOOLMESH_HEARTBEAT_TTL_S": "1",
    "TOOLMESH_HOLDER_GRACE_S": "0.5",
}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeMesh]:
    with code_mesh(tmp_path_factory.mktemp("code"), True, **QUICK) as found:
        yield found


def ask(code: CodeMesh, tool: str, ms: int) -> tuple[str, InnerRequest]:
    """Have something begun at the ledger; gives its token, and the request."""
    token = os.urandom(6).hex()
    request = code.worker.request(code.worker.parent(), tool, {"token": token, "ms": ms}, committed=True)
    code.worker.send(request)
    code.wait_until_begun(token)
    return token, request


def again(code: CodeMesh, request: InnerRequest) -> None:
    """As a worker does that heard nothing."""
    code.worker.send(msgspec.structs.replace(request, again=True, at_ms=now_ms()))


def heard_again(code: CodeMesh, request: InnerRequest) -> list[InnerResult]:
    """The answers to a request that is sent again until there is one: the channel was cut, too."""
    heard: list[InnerResult] = []

    def answered() -> bool:
        again(code, request)
        heard.extend(code.worker.silence(1))
        return bool(heard)

    wait_until(answered, "an edge answers")
    return heard


def last_edge(code: CodeMesh) -> Process:
    """The one that has all requests in hand: the others are gone."""
    return code.running.edges[-1][0]


def another(code: CodeMesh) -> Client:
    """A further edge."""
    edge = code.running.start_edge()
    code.running.wait_for_tools(edge, "book_read")
    return edge


@pytest.mark.parametrize("tool", ["book_read", "book_put", "book_write"])
def test_what_a_killed_edge_had_in_hand_another_one_answers(code: CodeMesh, tool: str) -> None:
    first = last_edge(code)
    token, request = ask(code, tool, 2_500)
    another(code)
    first.kill()
    again(code, request)
    assert code.worker.text(code.worker.answer()) == token
    assert (code.ledger.book().begun(token), code.ledger.book().done(token)) == (1, 1)
    again(code, request)
    assert code.worker.text(code.worker.answer()) == token, "its end is kept"
    assert code.ledger.book().begun(token) == 1


def test_an_edge_that_drains_takes_no_more_and_leaves_what_it_has_to_others(code: CodeMesh) -> None:
    first = last_edge(code)
    token, _ = ask(code, "book_write", 2_500)
    another(code)
    assert first.stop() == 0
    assert "requests of running calls left to other edges" in first.output()
    assert code.worker.text(code.worker.answer()) == token, "and nobody asked again"
    assert code.ledger.book().begun(token) == 1


def test_a_request_that_waits_for_an_edge_is_taken_by_the_next_one(code: CodeMesh) -> None:
    assert last_edge(code).stop() == 0
    request = code.worker.request(code.worker.parent(), "echo_echo", {"message": "patience"})
    code.worker.send(request)
    another(code)
    assert code.worker.text(code.worker.answer()) == "patience"


def test_an_edge_that_was_stopped_and_goes_on_answers_what_it_took(code: CodeMesh) -> None:
    first = last_edge(code)
    token, request = ask(code, "book_write", 1_500)
    first.send(signal.SIGSTOP)
    try:
        another(code)
        # What it waits for at the broker a stopped edge still gets, once: the next one goes to another.
        assert {code.worker.text(each) for each in heard_again(code, request)} == {token}
    finally:
        first.send(signal.SIGCONT)
    assert code.worker.text(code.worker.answer()) == token, "the same end"
    assert code.ledger.book().begun(token) == 1
    assert first.stop() == 0


@pytest.mark.parametrize("tool", ["book_read", "book_write"])
def test_a_broker_that_is_restarted_costs_no_call(code: CodeMesh, tool: str) -> None:
    token, request = ask(code, tool, 2_000)
    broker = code.running.broker
    broker.process.kill()
    broker.start()
    heard = heard_again(code, request)
    assert {code.worker.text(each) for each in heard} == {token}
    assert (code.ledger.book().begun(token), code.ledger.book().done(token)) == (1, 1)


@pytest.mark.parametrize(("tool", "begun"), [("book_read", 2), ("book_write", 1)])
def test_of_a_broker_that_comes_back_empty_a_write_is_not_asked_again(code: CodeMesh, tool: str, begun: int) -> None:
    token, request = ask(code, tool, 0)
    assert code.worker.text(code.worker.answer()) == token
    broker = code.running.broker
    code.worker.redis.flushall()
    broker.process.kill()
    broker.start()
    answers = [code.worker.text(each) if not each.code else each.code for each in heard_again(code, request)]
    assert set(answers) == {"outcome_unknown" if begun == 1 else token}
    assert code.ledger.book().begun(token) == begun
