"""What a script gets for a call: a value, or an error that it can catch and look at."""

import json
from typing import Any

import pytest

from workers.backends.backend import InnerAnswer
from workers.inner.values import answered, found


def answer(body: Any = None, **fields: Any) -> InnerAnswer:
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return InnerAnswer(**({"tool": "up_x", "call_id": "c", "body": raw} | fields))


def text(*texts: str, **members: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": each} for each in texts], **members}


PICTURE = {"type": "image", "data": "eA==", "mimeType": "image/png"}
VALUES: dict[str, tuple[dict[str, Any], Any]] = {
    "an object": (text('{"a": [1, null]}'), {"a": [1, None]}),
    "a number": (text(" 17 "), 17),
    "a word": (text("hello"), "hello"),
    "nearly JSON": (text('{"a": 1,}'), '{"a": 1,}'),
    "not a number": (text("NaN"), "NaN"),
    "nothing": (text(""), ""),
    "characters of all kinds": (text('ä "\u2028" \U0001f600'), 'ä "\u2028" \U0001f600'),
    "the first text of several": (text("1", "2"), 1),
    "a text after a picture": ({"content": [PICTURE, {"type": "text", "text": "3"}]}, 3),
    "structured content where there is no text": ({"content": [PICTURE], "structuredContent": {"b": 2}}, {"b": 2}),
    "the text where there are both": (text("1", structuredContent={"b": 2}), 1),
    "null where there is neither": ({"content": []}, None),
    "null for an empty result": ({}, None),
    "a deep text as it is": (text("[" * 2000 + "]" * 2000), "[" * 2000 + "]" * 2000),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_result_becomes_a_value(name: str) -> None:
    result, value = VALUES[name]
    given = answered(answer(result))
    assert given.ok
    assert json.loads(given.body) == value


ERRORS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a tool's word": (text("No such note.", isError=True), {"code": "tool_error", "message": "No such note."}),
    "no word": (
        {"content": [], "isError": True},
        {"code": "tool_error", "message": "The tool failed, and does not say why."},
    ),
    "with a code": (
        text("Gone.", isError=True, structuredContent={"error": {"code": "gone", "http_status": 410, "retryable": False}}),
        {
            "code": "gone",
            "message": "Gone.",
            "status": 410,
            "retryable": False,
            "data": {"error": {"code": "gone", "http_status": 410, "retryable": False}},
        },
    ),
    "with a status for a code": (
        text("Gone.", isError=True, structuredContent={"error": {"code": 404, "data": {"id": 1}}}),
        {"code": "tool_error", "message": "Gone.", "status": 404, "data": {"id": 1}},
    ),
    "with structured content of another kind": (
        text("Gone.", isError=True, structuredContent={"error": "gone"}),
        {"code": "tool_error", "message": "Gone.", "data": {"error": "gone"}},
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_result_that_is_an_error_is_thrown(name: str) -> None:
    result, error = ERRORS[name]
    given = answered(answer(result))
    assert not given.ok
    assert json.loads(given.body) == error


def test_a_failure_is_thrown_with_its_code_and_whether_it_may_be_tried_again() -> None:
    given = answered(answer(code="upstream_unreachable", detail="It is down.", data=b'{"url":"x"}'))
    assert not given.ok
    error = {"code": "upstream_unreachable", "message": "It is down.", "retryable": True, "data": {"url": "x"}}
    assert json.loads(given.body) == error
    assert json.loads(answered(answer(code="unknown_tool", detail="None.")).body)["retryable"] is False
    assert json.loads(answered(answer(code="new_here", detail="?")).body)["retryable"] is False


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"nonsense", b'{"content": 1}', b'{"content": [{"type": "text", "text": 1}]}']
)
def test_what_is_no_result_is_an_error(body: bytes) -> None:
    given = answered(answer(body))
    assert not given.ok
    assert json.loads(given.body)["code"] == "upstream_bad_response"


def test_what_was_found_is_given_as_it_is() -> None:
    assert found(answer([{"name": "up_x"}])).body == b'[{"name": "up_x"}]'
    assert found(answer(b"")).body == b"null"
    assert not found(answer(code="unknown_tool", detail="None.")).ok
