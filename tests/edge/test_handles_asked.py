"""What the end of a call asks of its client, as far as it takes to go on (MCP 2026-07-28, multi round-trip requests)."""

import json

import pytest

from edge.handles.asked import asked_in
from edge.request_state import Pending
from shared.messages import ToolFailure, ToolResult


def end(body: bytes, parked: str = "", worker: str = "") -> ToolResult:
    return ToolResult(call_id="c", backend="b", seq=1, body=body, parked=parked, worker=worker)


def test_questions_and_what_the_backend_wants_back_are_found() -> None:
    body = b'{"resultType":"input_required","inputRequests":{"a":{"method":"x"},"b":{}},"requestState":"kept","more":[1]}'
    asked = asked_in(end(body, parked="p", worker="w"))
    assert asked is not None
    assert {key: bytes(raw) for key, raw in asked.requests.items()} == {"a": b'{"method":"x"}', "b": b"{}"}
    assert asked.pending == Pending(state="kept", parked="p", worker="w")
    given = asked.inputs({"a": b'{"n":1.0}', "b": b'"\xc3\xa9"'})
    assert b'{"n":1.0}' in given
    assert json.loads(given) == {"inputResponses": {"a": {"n": 1.0}, "b": "é"}, "requestState": "kept"}


def test_without_a_state_none_goes_back() -> None:
    asked = asked_in(end(b'{"resultType":"input_required","inputRequests":{"a":{}}}'))
    assert asked is not None
    assert json.loads(asked.inputs({"a": b"{}"})) == {"inputResponses": {"a": {}}}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"resultType":"complete","content":["input_required"]}',
        b'{"content":[{"text":"\\"resultType\\":\\"input_required\\""}]}',
        b'{"resultType":"input_required","inputRequests":[]}',
        b'{"resultType":["input_required"]}',
        b'{"resultType":"input_required"',
        b'"input_required"',
        b'{"resultType":"input_required","requestState":7}',
    ],
)
def test_what_is_not_what_it_should_be_asks_nothing(body: bytes) -> None:
    assert asked_in(end(body)) is None


def test_a_failure_and_no_end_at_all_ask_nothing() -> None:
    assert asked_in(None) is None
    assert asked_in(ToolFailure(call_id="c", backend="b", seq=1, code="internal", detail='"input_required"')) is None
