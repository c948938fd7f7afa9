"""render: bytes of others pass as they are, and whatever they hold, what leaves is one JSON-RPC message."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.parse import Era, Message
from edge.render import error_of, error_response, event, progress_notification, rpc_error, rpc_result
from shared.errors import BY_CODE, Internal, MeshError, OutcomeUnknown, QueueFull, Unauthenticated, UpstreamError
from shared.messages import Progress, ToolFailure
from tests.client import messages_of

ERAS: list[Era] = ["modern", "legacy"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
RESULT = b'{"content":[{"type":"text","text":"hi"}],"x-unknown":{"n":1.10},"_meta":{"a":null}}'


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def read(body: bytes) -> dict[str, Any]:
    """Strictly: no name twice."""
    return dict(json.loads(body, object_pairs_hook=once))


def failed(rpc_id: int, error: MeshError, call_id: str, era: Era, method: str = "tools/call") -> bytes:
    return error_response(Message(era, method, rpc_id, {}), error, call_id)[1]


@pytest.mark.parametrize("rpc_id", [0, 1, -5, 2**70, "", "a", 'quote " and \\', "é\u2028"])
@pytest.mark.parametrize("era", ERAS)
def test_a_result_keeps_its_bytes_and_its_request_s_id(rpc_id: str | int, era: Era) -> None:
    body = rpc_result(rpc_id, RESULT, era)
    assert RESULT[1:] in body
    message = read(body)
    assert (message["jsonrpc"], message["id"]) == ("2.0", rpc_id)
    assert type(message["id"]) is type(rpc_id)


def test_a_modern_result_says_that_it_is_complete_unless_it_says_its_type_itself() -> None:
    assert read(rpc_result(1, RESULT, "modern"))["result"]["resultType"] == "complete"
    asked = b'{"resultType":"input_required","inputRequests":{}}'
    assert rpc_result(1, asked, "modern").endswith(asked + b"}")
    assert "resultType" not in read(rpc_result(1, RESULT, "legacy"))["result"]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b" { } ",
        b"\n{\n}\n",
        b'{\t"content":[]}',
        b'{"resultType":5}',
        b'{"resultType":null}',
        b'{"resultType":""}',
        b'{"resultType":{"a":[]}}',
        b'{"content":[],"inner":{"resultType":"complete"}}',
        b'{"content":[{"type":"text","text":"\\"resultType\\":"}]}',
    ],
)
def test_whatever_a_result_says_of_its_type_the_answer_is_one_message_that_says_it_once(body: bytes) -> None:
    assert "resultType" in read(rpc_result(1, body, "modern"))["result"]


@given(st.dictionaries(st.text(max_size=12) | st.just("resultType"), JSON, max_size=4), st.sampled_from(ERAS))
def test_any_object_is_rendered_as_itself(result: dict[str, Any], era: Era) -> None:
    found = read(rpc_result(7, msgspec.json.encode(result), era))["result"]
    assert found == ({"resultType": "complete", **result} if era == "modern" else result)


def test_an_error_without_data_has_none() -> None:
    assert read(rpc_error(None, -1, "m")) == {"jsonrpc": "2.0", "id": None, "error": {"code": -1, "message": "m"}}


@pytest.mark.parametrize("code", sorted(BY_CODE))
@pytest.mark.parametrize(
    "data", [b"", b'{"pointer":"/a"}', b"[]", b"1", b"not json", b"\xff", b'{"a":"\xff"}', b"[" * 5000]
)
@pytest.mark.parametrize("era", ERAS)
def test_whatever_a_worker_says_of_a_failure_it_is_answered(code: str, data: bytes, era: Era) -> None:
    failure = ToolFailure(call_id="c1", backend="b", seq=1, code=code, detail="what happened", data=data)
    message = read(failed(3, error_of(failure), "c1", era))
    assert message["id"] == 3
    assert ("result" in message) != ("error" in message)
    assert b"what happened" in failed(3, error_of(failure), "c1", era)


@pytest.mark.parametrize("code", ["", "never-heard-of", "Internal"])
def test_an_unknown_slug_is_an_internal_error(code: str) -> None:
    assert type(error_of(ToolFailure(call_id="c", backend="b", seq=1, code=code, detail="d"))) is Internal


def test_a_worker_cannot_make_a_caller_log_in() -> None:
    error = error_of(ToolFailure(call_id="c", backend="b", seq=1, code=Unauthenticated.code, detail="d"))
    assert error.code == "internal"


def test_a_failed_call_is_a_tool_result_that_a_model_can_read() -> None:
    result = read(failed(1, BY_CODE["backend_unavailable"]("No worker."), "", "legacy"))["result"]
    assert result == {
        "content": [{"type": "text", "text": "[backend_unavailable] No worker."}],
        "structuredContent": {"error": {"code": "backend_unavailable", "retryable": True}},
        "isError": True,
    }


def test_the_pointer_to_the_arguments_as_a_whole_is_told_too() -> None:
    error = BY_CODE["invalid_arguments"]("no", data={"pointer": "", "problems": []})
    facts = read(failed(1, error, "", "modern"))["result"]["structuredContent"]["error"]
    assert facts == {"code": "invalid_arguments", "retryable": False, "pointer": "", "problems": []}


def test_an_unknown_outcome_says_that_it_is_not_safe_to_try_again() -> None:
    facts = read(failed(1, OutcomeUnknown("?"), "c1", "modern"))["result"]["structuredContent"]["error"]
    assert facts == {
        "code": "outcome_unknown",
        "retryable": False,
        "call_id": "c1",
        "status": "unknown",
        "retry_safe": False,
    }


def test_an_upstream_s_own_error_is_relayed_as_it_is() -> None:
    theirs = {"code": -32042, "message": "theirs", "data": {"x": [1]}, "unknown": True}
    assert read(failed(1, UpstreamError("e", data={"error": theirs}), "c", "modern"))["error"] == theirs
    for junk in (None, {}, {"error": None}, {"error": [1]}):
        assert read(failed(1, UpstreamError("e", data=junk), "c", "modern"))["result"]["isError"]


@pytest.mark.parametrize(("code", "status"), [(-32602, 400), (-32021, 400), (-32601, 404), (-32042, 200), (None, 200)])
def test_a_relayed_error_has_the_http_status_that_the_2026_era_wants(code: int | None, status: int) -> None:
    error = UpstreamError("e", data={"error": {"code": code, "message": "theirs"}})
    assert error_response(Message("modern", "tools/call", 1, {}), error, "c")[0] == status
    assert error_response(Message("legacy", "tools/call", 1, {}), error, "c")[0] == 200


@pytest.mark.parametrize("era", ERAS)
def test_only_a_tool_call_fails_with_a_result(era: Era) -> None:
    message = read(failed(1, BY_CODE["backend_unavailable"]("No worker."), "c1", era, "prompts/get"))
    assert message["error"] == {
        "code": -32603,
        "message": "No worker.",
        "data": {"code": "backend_unavailable", "retryable": True, "call_id": "c1"},
    }


def test_facts_of_a_failure_cannot_stand_in_for_its_slug() -> None:
    """A worker's data is the upstream's word at most; what the mesh says of a call is the mesh's."""
    error = BY_CODE["upstream_timeout"]("late", data={"pointer": "/x", "code": "ok", "call_id": "c2"})
    facts = read(failed(1, error, "c1", "modern"))["result"]["structuredContent"]["error"]
    assert facts == {"code": "upstream_timeout", "retryable": True, "call_id": "c1", "pointer": "/x"}


def test_a_protocol_error_in_mid_call_keeps_its_code() -> None:
    error = read(failed(1, QueueFull("full"), "c1", "modern"))["error"]
    assert (error["code"], error["data"]["code"]) == (-32010, "queue_full")


def test_the_cause_of_an_error_is_not_rendered() -> None:
    error: MeshError = Internal("Look under the call id.")
    error.__cause__ = ValueError("password=hunter2")
    assert b"hunter2" not in failed(1, error, "c1", "modern")


@pytest.mark.parametrize("token", [0, 7, "", "t", 'a"b', "\n"])
@pytest.mark.parametrize("params", [b"{}", b" { } ", b'{"progress":1,"message":"m"}', b'{ "progress":0.5 }', b"\n{\n}"])
def test_progress_gets_its_client_s_token_back(token: str | int, params: bytes) -> None:
    message = read(progress_notification(token, Progress(call_id="c", seq=1, params=params)))
    assert message["method"] == "notifications/progress"
    assert message["params"] == {"progressToken": token, **json.loads(params)}
    assert "id" not in message


@pytest.mark.parametrize(
    "message",
    [
        b'{"a":1}',
        b'{\n"a":\r\n[1,\r2],\n"s":"x\\ny"}\n',
        '{"s":"\u2028\u2029\u0085"}'.encode(),
        b'{"s":"data: x\\n\\nevent: evil"}',
        b'{\r\n\r\n"data: evil":\r\n\r\n1}',
    ],
)
def test_a_message_is_one_event_whatever_line_breaks_it_holds(message: bytes) -> None:
    written = event(message)
    assert written.startswith(b"event: message\r\ndata: ")
    assert written.endswith(b"\r\n\r\n")
    assert written.count(b"\r\n") == 3
    assert written.count(b"\n") == 3
    assert written.count(b"\r") == 3
    assert json.loads(written.split(b"data: ", 1)[1]) == json.loads(message)


@given(JSON, st.sampled_from([None, 0, 1, 4]))
def test_any_json_survives_as_an_event(value: Any, indent: int | None) -> None:
    message = msgspec.json.encode(value)
    if indent is not None:
        message = msgspec.json.format(message, indent=indent)
    lines = event(message).split(b"\r\n")
    assert len(lines) == 4
    assert json.loads(lines[1].removeprefix(b"data: ")) == value


def test_an_event_keeps_numbers_as_they_are_written() -> None:
    assert b"1.10" in event(b'{\n"n":1.10}')
    assert b"123456789012345678901234567890.0" in event(b'{\n"n":123456789012345678901234567890.0}')


def test_a_client_reads_the_messages_of_a_stream_in_order() -> None:
    stream = event(rpc_result(1, b"{\n}", "legacy")) + b": keep-alive\r\n\r\n" + event(rpc_error(2, -1, "m"))
    assert [message["id"] for message in messages_of(stream.decode())] == [1, 2]
