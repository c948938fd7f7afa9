"""What a running call may ask of edges, and what not: asked by a worker of which the test plays the part."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from shared import keys
from shared.code_mode import CODE
from shared.codec import seal
from shared.identity import Principal
from shared.inner import InnerSign, ParentGrant
from tests.client import Client
from tests.contract.hop import RING
from tests.e2e.code_mesh import BOB_KEY, CodeMesh, code_mesh
from tests.e2e.played_worker import OWNER, Parent, PlayedWorker, now_ms
from tests.mesh import wait_until

BOB = Principal(subject="bob")
LOOKS = msgspec.structs.replace(OWNER, owner=False, scopes=("tools:read",))
LARGE = "x" * 20_000


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CodeMesh]:
    limits = {"TOOLMESH_CODE_CALLS_MAX": "4", "TOOLMESH_INNER_REQUESTS_MAX": "20"}
    with code_mesh(tmp_path_factory.mktemp("code"), TOOLMESH_INLINE_RESULT_BYTES_MAX="8192", **limits) as found:
        yield found


@pytest.fixture
def worker(code: CodeMesh) -> PlayedWorker:
    code.worker.silence(0)
    return code.worker


def token() -> str:
    return os.urandom(6).hex()


def test_a_script_goes_to_its_worker_and_its_calls_are_made_as_its_callers(code: CodeMesh, worker: PlayedWorker) -> None:
    bob = Client(code.edge.url, BOB_KEY)
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(bob.text, "execute_code", {"code": "return 1"})
        script = worker.take()
        assert (script.backend, script.tool, script.access) == ("code", "execute_code", "write")
        assert msgspec.json.decode(script.arguments) == {"code": "return 1"}
        grant = worker.grant(script)
        assert (grant.depth, grant.calls_max, grant.backend) == (2, 4, ""), "it may call composites"
        assert (grant.parent, grant.group, grant.principal) == (script.call_id, "code", script.principal)
        assert grant.deadline_ms == script.deadline_ms > now_ms() + 120_000

        said = worker.ask(script, "echo_echo", {"message": "hello"})
        assert (worker.text(said), said.tool) == ("hello", "echo_echo")
        denied = worker.ask(script, "book_put", {"token": "t", "ms": 0}, ordinal=2, committed=True)
        assert denied.code == "unknown_tool"
        worker.finish(script, "all of it")
        assert answered.result() == "all of it"
    bob.close()

    wait_until(lambda: len(code.records(call_id=said.call_id)) == 1, "the call is in the audit")
    record = code.records(call_id=said.call_id)[0]
    assert (record["parent"], record["subject"], record["code"]) == (script.call_id, "bob", "ok")
    wait_until(lambda: code.records(phase="denied", parent=script.call_id), "the refusal is in the audit")
    refusal = code.records(phase="denied", parent=script.call_id)[0]
    assert (refusal["code"], refusal["tool"], refusal["subject"]) == ("unknown_tool", "book_put", "bob")
    late = worker.ask(script, "echo_echo", {"message": "more"}, ordinal=3)
    assert late.code == "cancelled", "of a script that is over nothing more is run"


def test_what_a_caller_may_not_use_looks_like_what_there_is_not(worker: PlayedWorker) -> None:
    parent = worker.parent(BOB)
    forbidden = worker.ask(parent, "book_write", {"token": "t", "ms": 0}, committed=True)
    absent = worker.ask(parent, "book_wrong", {"token": "t", "ms": 0}, ordinal=2, committed=True)
    assert (forbidden.code, absent.code) == ("unknown_tool", "unknown_tool")
    assert forbidden.detail.replace("book_write", "book_wrong") == absent.detail
    assert 'toolmesh["book_read"]' in absent.detail, "what is near, of what the caller may use"
    assert worker.ask(parent, "execute_code", {"code": "return 1"}, ordinal=3, committed=True).code == "unknown_tool"


def test_a_token_that_is_good_for_reading_runs_no_writes(worker: PlayedWorker, code: CodeMesh) -> None:
    rules = msgspec.structs.replace(LOOKS, subject="bob")
    assert worker.ask(worker.parent(rules), "book_read", {"token": token(), "ms": 0}).code == ""
    found = worker.ask(worker.parent(msgspec.structs.replace(OWNER, scopes=("tools:read",))), "book_write", committed=True)
    assert found.code == "insufficient_scope"
    assert msgspec.json.decode(found.data)["scope"] == "tools:read tools:write"


def test_what_is_no_read_is_run_once_the_parent_is_marked(worker: PlayedWorker, code: CodeMesh) -> None:
    parent, one = worker.parent(), token()
    for tool in ("book_write", "book_put"):
        first = worker.ask(parent, tool, {"token": one, "ms": 0})
        assert (first.code, first.tool, first.call_id) == ("not_committed", tool, "")
    assert code.ledger.book().begun(one) == 0
    assert worker.text(worker.ask(parent, "book_write", {"token": one, "ms": 0}, committed=True)) == one
    assert code.ledger.book().done(one) == 1


def test_a_request_that_comes_again_is_the_same_call(worker: PlayedWorker, code: CodeMesh) -> None:
    parent, one = worker.parent(), token()
    request = worker.request(parent, "book_write", {"token": one, "ms": 600}, committed=True)
    worker.send(request)
    code.wait_until_begun(one)
    worker.send(msgspec.structs.replace(request, again=True))
    first = worker.answer()
    assert worker.silence() == [], "one answer: this edge had it in hand"
    worker.send(msgspec.structs.replace(request, again=True, at_ms=now_ms()))
    second = worker.answer()
    assert (worker.text(first), worker.text(second)) == (one, one)
    assert first.call_id == second.call_id
    assert code.ledger.book().begun(one) == 1


def test_the_same_request_of_another_number_or_script_is_another_call(worker: PlayedWorker, code: CodeMesh) -> None:
    parent, one = worker.parent(), token()
    arguments = {"token": one, "ms": 0}
    answers = [worker.ask(parent, "book_write", arguments, committed=True, ordinal=number) for number in (1, 2)]
    answers.append(worker.ask(worker.parent(), "book_write", arguments, committed=True))
    assert len({answer.call_id for answer in answers}) == 3
    assert code.ledger.book().done(one) == 3


def test_a_script_makes_no_more_calls_than_it_may(worker: PlayedWorker) -> None:
    parent = worker.parent(calls_max=4)
    found = [worker.ask(parent, "echo_echo", {"message": f"{n}"}, ordinal=n) for n in range(1, 6)]
    assert [answer.code for answer in found] == ["", "", "", "", "too_many_calls"]
    assert "4 calls" in found[-1].detail
    assert worker.text(worker.ask(parent, "echo_echo", {"message": "1"}, again=True)) == "1", "one that it made"
    other = [worker.ask(parent, "echo_echo", {"message": f"other {n}"}, ordinal=n) for n in range(1, 5)]
    assert [answer.code for answer in other] == [""] * 4, "run again, it is not starved by what it asked for first"
    assert worker.ask(parent, "echo_echo", {"message": "1"}, ordinal=21).code == "too_many_calls"


def test_the_grant_of_a_composite_is_good_for_plain_tools_of_its_backend_alone(worker: PlayedWorker) -> None:
    parent = worker.parent(backend="book", tool="whole", calls_max=4)
    assert worker.ask(parent, "book_read", {"token": token(), "ms": 0}, ordinal=1).code == ""
    for n, (name, arguments) in enumerate(
        {"echo_echo": {"message": "x"}, "execute_code": {"code": "1"}, "read": {}}.items()
    ):
        answer = worker.ask(parent, name, arguments, ordinal=n + 2)
        assert (answer.code, answer.call_id) == ("unknown_tool", ""), name
    assert worker.ask(parent, "", {"query": "x"}, ordinal=5, asks="discover").code == "unknown_tool"
    assert worker.ask(parent, "book_read", ordinal=6, asks="describe").code == "unknown_tool"


def test_a_composite_calls_nothing_of_a_worse_class_than_its_own(worker: PlayedWorker) -> None:
    parent = worker.parent(backend="book", tool="whole", access="read")
    answer = worker.ask(parent, "book_write", {"token": token(), "ms": 0}, committed=True)
    assert (answer.code, answer.call_id) == ("not_authorized", "")
    assert "book_write is of class write" in answer.detail


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [({"message": 7}, "/message"), ({}, ""), ({"message": "x", "else": 1}, "")],
    ids=["type", "missing", "further"],
)
def test_arguments_are_validated_and_the_place_is_named(
    worker: PlayedWorker, arguments: dict[str, Any], pointer: str
) -> None:
    found = worker.ask(worker.parent(), "echo_echo", arguments)
    assert found.code == "invalid_arguments"
    assert msgspec.json.decode(found.data)["pointer"] == pointer


@pytest.mark.parametrize(
    "raw",
    [b"[]", b"7", b"{", b"", b"\xff", b'{"message":"a","message":"b"}', b'{"message":' + b"[" * 80 + b"]" * 80 + b"}"],
    ids=["array", "number", "broken", "empty", "no-text", "twice", "deep"],
)
def test_arguments_that_are_no_plain_object_are_refused(worker: PlayedWorker, raw: bytes) -> None:
    request = worker.request(worker.parent(), "echo_echo")
    worker.send(msgspec.structs.replace(request, arguments=raw))
    assert worker.answer().code == "invalid_arguments"


def test_a_tool_is_found_by_its_name_in_javascript(worker: PlayedWorker) -> None:
    found = worker.ask(worker.parent(), "echo_add", {"a": 1, "b": 2})
    assert (found.tool, worker.text(found)) == ("echo_add", "3")


def test_a_large_result_is_read_from_its_key(worker: PlayedWorker) -> None:
    found = worker.ask(worker.parent(), "echo_echo", {"message": LARGE})
    assert (found.stored, found.body) == (True, b"")
    assert worker.text(found) == LARGE
    left_ms = worker.redis.pttl(keys.inner_body(CODE.group, found.call_id))
    assert isinstance(left_ms, int)
    assert 0 < left_ms <= 65_000


def test_the_error_of_a_tool_is_its_result(worker: PlayedWorker) -> None:
    found = worker.ask(worker.parent(), "book_read", {"token": token(), "ms": 0, "how": "fails"})
    assert (found.code, worker.body(found)["isError"]) == ("", True)


def test_a_call_has_no_more_time_than_its_parent(worker: PlayedWorker, code: CodeMesh) -> None:
    one = token()
    found = worker.ask(worker.parent(seconds=1), "book_read", {"token": one, "ms": 5_000})
    assert found.code in ("deadline_exceeded", "upstream_timeout")
    assert worker.ask(worker.parent(seconds=-1), "book_read", {"token": one, "ms": 0}).code == "deadline_exceeded"
    assert code.ledger.book().begun(one) == 1


def test_edges_say_what_goes_on(worker: PlayedWorker) -> None:
    parent = worker.parent()
    for number in (1, 2):
        worker.send(worker.request(parent, "book_read", {"token": token(), "ms": 700}, ordinal=number))
    sign = worker.hear(InnerSign)
    while isinstance(sign, InnerSign) and sign != InnerSign(parent=parent.call_id, ordinals=(1, 2)):
        sign = worker.hear(InnerSign)
    assert {worker.hear_result().ordinal for _ in range(2)} == {1, 2}


def test_what_a_script_leaves_behind_is_cancelled(worker: PlayedWorker, code: CodeMesh) -> None:
    parent, one, two = worker.parent(), token(), token()
    worker.send(worker.request(parent, "book_read", {"token": one, "ms": 2_500}))
    worker.send(worker.request(parent, "book_read", {"token": two, "ms": 600}, ordinal=2))
    code.wait_until_begun(one)
    code.wait_until_begun(two)
    worker.say_over(parent, 1)
    assert worker.answer(2).code == "", "the other one goes on"
    wait_until(lambda: code.records(parent=parent.call_id, code="cancelled"), "the call is cancelled")
    assert [r["tool"] for r in code.records(parent=parent.call_id, code="cancelled")] == ["read"]
    assert worker.silence() == []


def test_a_write_that_was_sent_runs_to_its_end_when_its_script_is_over(worker: PlayedWorker, code: CodeMesh) -> None:
    parent, one = worker.parent(), token()
    worker.send(worker.request(parent, "book_write", {"token": one, "ms": 600}, committed=True))
    code.wait_until_begun(one)
    worker.say_over(parent, 1)
    wait_until(lambda: code.ledger.book().done(one) == 1, "the write is done")
    wait_until(lambda: code.records(parent=parent.call_id, phase="outcome"), "its outcome is recorded")


def test_a_script_finds_tools_and_looks_at_one(worker: PlayedWorker) -> None:
    parent = worker.parent(BOB)
    found = worker.ask(parent, "", {"query": "read", "limit": 5}, asks="discover")
    assert [each["name"] for each in worker.body(found)] == ["book_read"]
    described = worker.ask(parent, "book_read", asks="describe", ordinal=2)
    assert worker.body(described)["inputSchema"]["required"] == ["token", "ms"]
    assert worker.ask(parent, "book_write", asks="describe", ordinal=3).code == "unknown_tool"
    wrong: tuple[Any, ...] = ({"query": 1}, {"limit": 0}, [])
    bad = [worker.ask(parent, "", given, asks="discover", ordinal=4).code for given in wrong]
    assert bad == ["invalid_arguments"] * 3


def forged(worker: PlayedWorker, how: str) -> bytes:
    """What is on the list and no request of the group that it is for."""
    parent, other = worker.parent(), worker.parent()
    request = worker.request(parent, "echo_echo", {"message": how})
    foreign = worker.parent(group="code")
    elsewhere = Parent(parent.call_id, seal(RING, "edge", _grant(parent, group="other")))
    changed: dict[str, Any] = {
        "grant-of-another": replace_request(request, grant=other.grant),
        "grant-of-its-own": worker.request(foreign, "echo_echo"),
        "grant-of-another-group": worker.request(elsewhere, "echo_echo"),
        "old": replace_request(request, at_ms=now_ms() - 60_000),
        "from-the-future": replace_request(request, at_ms=now_ms() + 60_000),
        "number": replace_request(request, ordinal=0),
        "channel": replace_request(request, reply="x y*"),
        "no-request": InnerSign(parent=parent.call_id, ordinals=(1,)),
    }
    if how == "garbage":
        return b"garbage"
    if how == "signed-by-another-group":
        return seal(RING, "default", request)
    if how == "bit":
        sealed = bytearray(seal(RING, "code", request))
        sealed[-5] ^= 1
        return bytes(sealed)
    return seal(RING, "code", changed[how])


def replace_request(request: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(request, **fields)


def _grant(parent: Parent, **fields: Any) -> ParentGrant:
    values: dict[str, Any] = {
        "parent": parent.call_id,
        "group": "code",
        "principal": OWNER,
        "deadline_ms": now_ms() + 60_000,
    }
    return ParentGrant(**(values | fields))


FORGED = [
    "grant-of-another",
    "grant-of-its-own",
    "grant-of-another-group",
    "old",
    "from-the-future",
    "number",
    "channel",
    "no-request",
    "garbage",
    "signed-by-another-group",
    "bit",
]


@pytest.mark.parametrize("how", FORGED)
def test_what_is_no_request_of_the_parents_worker_is_refused_and_recorded(
    worker: PlayedWorker, code: CodeMesh, how: str
) -> None:
    before = len(code.records(phase="refused", tool="inner request"))
    worker.redis.rpush(keys.INNER, forged(worker, how))
    wait_until(lambda: len(code.records(phase="refused", tool="inner request")) > before, "it is recorded")
    assert worker.text(worker.ask(worker.parent(), "echo_echo", {"message": "next"})) == "next"
    assert worker.silence(0.2) == []


@pytest.mark.parametrize("how", ["grant-of-another", "old", "garbage"])
def test_a_forged_end_of_a_script_cancels_nothing(worker: PlayedWorker, code: CodeMesh, how: str) -> None:
    parent, one = worker.parent(), token()
    worker.send(worker.request(parent, "book_read", {"token": one, "ms": 600}))
    code.wait_until_begun(one)
    before = len(code.records(phase="refused", tool="inner cancel"))
    if how == "garbage":
        worker.redis.publish(keys.INNER_CANCELS, b"garbage")
    elif how == "old":
        worker.say_over(parent, 1, at_ms=now_ms() - 60_000)
    else:
        worker.say_over(replace(parent, grant=worker.parent().grant), 1)
    assert worker.text(worker.answer()) == one
    assert len(code.records(phase="refused", tool="inner cancel")) == before + 1


def test_a_flood_of_rubbish_is_thrown_away_and_clients_calls_go_on(worker: PlayedWorker, code: CodeMesh) -> None:
    worker.redis.rpush(keys.INNER, *[b"rubbish"] * 5_000)
    assert code.edge.text("echo_echo", {"message": "beside"}) == "beside"
    wait_until(lambda: worker.redis.llen(keys.INNER) == 0, "the list is empty")
    assert worker.text(worker.ask(worker.parent(), "echo_echo", {"message": "after"})) == "after"


def test_many_calls_at_once_are_all_answered(worker: PlayedWorker) -> None:
    parents = [worker.parent() for _ in range(25)]
    for parent in parents:
        for number in (1, 2, 3, 4):
            worker.send(worker.request(parent, "echo_echo", {"message": f"{number}"}, ordinal=number))
    heard = [worker.hear_result() for _ in range(100)]
    assert {(each.parent, each.ordinal) for each in heard} == {(p.call_id, n) for p in parents for n in (1, 2, 3, 4)}
    assert all(worker.text(each) == f"{each.ordinal}" for each in heard)
