"""What the caller of `execute_code` gets: no more than it asked for, and all of what it has to know."""

import json
from typing import Any

from workers.backends.backend import InnerAnswer
from workers.backends.code.report import report
from workers.children.script import Ran, ScriptError
from workers.inner.called import Called
from workers.inner.values import answered

OK = {"content": [{"type": "text", "text": "17"}]}
BAD = {"content": [{"type": "text", "text": "No."}], "isError": True}


def called(number: int, tool: str = "up_x", body: dict[str, Any] | None = None, **failure: Any) -> Called:
    call = Called(ordinal=number, tool=tool)
    if body is not None or failure:
        raw = json.dumps(body, separators=(",", ":")).encode() if body else b""
        answer = InnerAnswer(**({"tool": tool, "call_id": "c", "body": raw} | failure))
        call.end(answer, answered(answer))
    return call


def texts(ran: Ran, *calls: Called, whole: bool = False, most: int = 1_000_000, failed: bool = False) -> list[Any]:
    result = json.loads(report(ran, calls, whole=whole, echo_bytes_max=most))
    assert result["isError"] is failed
    found = [block["text"] for block in result["content"]]
    return [json.loads(text) if text[0] in '{["0123456789ntf' else text for text in found]


def test_the_value_stands_alone_where_nothing_was_called_or_logged() -> None:
    assert texts(Ran(value=b'{"a":1}')) == [{"a": 1}]
    assert texts(Ran(value=b'"text"')) == ["text"]
    assert texts(Ran()) == [None]


def test_calls_are_told_of_in_their_order_after_the_value_and_the_logs_last() -> None:
    ran = Ran(value=b"null", logs=("one", "two"))
    size = len(json.dumps(OK, separators=(",", ":")))
    assert texts(ran, called(2, "up_b", OK), called(1, "up_a", OK)) == [
        [
            {"return": None},
            {"tool": "up_a", "status": "ok", "resultBytes": size},
            {"tool": "up_b", "status": "ok", "resultBytes": size},
            {"logs": ["one", "two"]},
        ]
    ]


def test_results_are_whole_where_they_are_asked_for_and_where_the_script_returns_nothing() -> None:
    entry = {"tool": "up_x", "status": "ok", "result": OK}
    assert texts(Ran(value=b"1"), called(1, body=OK), whole=True) == [[{"return": 1}, entry]]
    assert texts(Ran(), called(1, body=OK)) == [[entry]]


def test_the_operators_note_on_a_backend_stands_beside_the_call_that_brought_it() -> None:
    raw = json.dumps(OK).encode()
    answer = InnerAnswer(tool="up_x", call_id="c", body=raw, notice="By number.")
    call = Called(ordinal=1, tool="up_x")
    call.end(answer, answered(answer))
    entry = {"tool": "up_x", "status": "ok", "notice": "By number.", "resultBytes": len(raw)}
    assert texts(Ran(value=b"1"), call) == [[{"return": 1}, entry]]


def test_a_failed_call_keeps_all_that_is_known_of_it() -> None:
    failure = called(2, "up_y", code="upstream_timeout", detail="It was slow.")
    assert texts(Ran(value=b"1"), called(1, body=BAD), failure) == [
        [
            {"return": 1},
            {"tool": "up_x", "status": "error", "result": BAD},
            {
                "tool": "up_y",
                "status": "error",
                "error": {"code": "upstream_timeout", "message": "It was slow.", "retryable": True},
            },
        ]
    ]


def test_results_beyond_the_limit_are_told_by_their_size() -> None:
    size = len(json.dumps(OK, separators=(",", ":")))
    first, second = texts(Ran(), called(1, body=OK), called(2, body=OK), most=size + 1)[0]
    assert first["result"] == OK
    assert second == {"tool": "up_x", "status": "ok", "resultBytes": size}


def test_a_script_that_failed_says_what_was_done_and_why_it_ended() -> None:
    error = ScriptError(code="script_error", message="Error: boom", line=3, column=1)
    done, why = texts(Ran(error=error, logs=("so far",)), called(1, body=OK), failed=True)
    assert done == [{"tool": "up_x", "status": "ok", "result": OK}, {"logs": ["so far"]}]
    assert why == "execute_code failed: Error: boom (line 3)"
    assert texts(Ran(error=error), failed=True) == ["execute_code failed: Error: boom (line 3)"]
    structured = json.loads(report(Ran(error=error), (), whole=False, echo_bytes_max=0))["structuredContent"]
    assert structured == {"error": {"code": "script_error", "line": 3, "column": 1, "retryable": False}}


def test_a_script_that_was_ended_says_which_calls_had_no_answer() -> None:
    error = ScriptError(code="sandbox_timeout", message="It ran for longer than 1 s and was ended.")
    done, why = texts(Ran(error=error), called(1, "up_x", OK), called(2, "up_y"), failed=True)
    assert [(entry["tool"], entry["status"]) for entry in done] == [("up_x", "ok"), ("up_y", "running")]
    assert "1 of 2 calls had no answer then: up_y." in why
