"""Answers that are failures, and what callers are told of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.upstreams.recorder import Reply, json_reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2
from workers.backends.rest.failed import MESSAGE_CHARS_MAX

_FILE = (
    V2
    + """backend:
  name: wx
  type: rest
  description: Weather
  tools:
    get_row: {method: GET, path: /row, access: read, description: One row%s}
    add_row: {method: POST, path: /row, access: write, description: Add a row%s}
"""
)
_ERRORS = 'message_path: "$.fault.text", code_path: "$.fault.id"'


def file_with(errors: str = "") -> str:
    """A file whose tools have that block `errors`; empty for none."""
    return _FILE.replace("%s", f", errors: {{{errors}}}" if errors else "")


def told(directory: Path, reply: Reply, errors: str = "", tool: str = "get_row", **how: Any) -> dict[str, Any]:
    """The result of a call that the API answers so."""
    found: list[Any] = []

    async def test() -> None:
        async with (
            recording(lambda request: reply) as upstream,
            opened(directory, file_with(errors), upstream.url) as caller,
        ):
            found.append(msgspec.json.decode(await caller.call(tool, **how)))
            assert len(upstream.requests) == 1

    run(test)
    return dict(found[0])


def text_of(result: dict[str, Any]) -> str:
    """The one text of a result that is an error."""
    assert result["isError"] is True
    (block,) = result["content"]
    return str(block["text"])


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (300, "unexpected_status"),
        (400, "invalid_input"),
        (401, "unauthorized"),
        (402, "client_error"),
        (403, "forbidden"),
        (404, "not_found"),
        (408, "timeout"),
        (409, "conflict"),
        (410, "not_found"),
        (418, "client_error"),
        (422, "invalid_input"),
        (429, "rate_limited"),
        (500, "internal"),
        (501, "server_error"),
        (502, "unavailable"),
        (503, "unavailable"),
        (504, "unavailable"),
        (599, "server_error"),
        (999, "unexpected_status"),
    ],
)
@pytest.mark.parametrize("errors", ["", _ERRORS], ids=["no errors block", "errors block"])
def test_a_status_has_a_code(tmp_path: Path, status: int, code: str, errors: str) -> None:
    result = told(tmp_path, json_reply({"fault": {"text": "It rains.", "id": 7}}, status), errors)
    assert result["structuredContent"]["error"]["code"] == code
    assert text_of(result).startswith(f"[{code}] HTTP {status}: ")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_what_begins_with_2_is_no_failure(tmp_path: Path, status: int) -> None:
    assert not told(tmp_path, Reply(status, b"" if status == 204 else b"{}"), "retry_on: [200]").get("isError")


def test_the_files_own_codes_win(tmp_path: Path) -> None:
    result = told(tmp_path, json_reply({}, 409), "map: {409: locked}")
    assert text_of(result) == "[locked] HTTP 409: {}"


def test_a_failure_is_told_for_people_and_for_programs(tmp_path: Path) -> None:
    result = told(tmp_path, json_reply({"fault": {"text": "No such row.", "id": 1042}}, 404), _ERRORS)
    assert text_of(result) == "[not_found] HTTP 404: No such row."
    assert result["structuredContent"]["error"] == {
        "code": "not_found",
        "message": "No such row.",
        "http_status": 404,
        "provider_code": "1042",
        "retryable": False,
    }


@pytest.mark.parametrize(
    ("body", "errors", "message"),
    [
        (b'{"fault": {"text": "It\\u0007 rains."}}', _ERRORS, "It rains."),
        (b'{"fault": {"text": ["one", "two"]}}', _ERRORS, "one; two"),
        (b'{"fault": {"text": {"a": 1}}}', _ERRORS, '{"a":1}'),
        (b'{"fault": {"text": null}}', _ERRORS, '{"fault": {"text": null}}'),
        (b'{"other": 1}', _ERRORS, '{"other": 1}'),
        (b'{"other": 1}', "", '{"other": 1}'),
        (b"It rains.", _ERRORS, "It rains."),
        (b"", _ERRORS, "(no message)"),
        (b" \r\n\x00 ", "", "(no message)"),
        (b"[" * 100_000, _ERRORS, "[" * MESSAGE_CHARS_MAX + "... (truncated)"),
        (b"\xff\xfe\x1b[31mred\x1b[0m\r\nline", "format: text", "��[31mred[0m\nline"),
        (b"<e>no</e>", "format: xml, message_path: $.a", "<e>no</e>"),
        (b'{"fault": {"text": "plain"}}', f"format: text, {_ERRORS}", '{"fault": {"text": "plain"}}'),
        ("a\u202eb\u2066c".encode(), "", "abc"),
    ],
)
def test_the_message_is_what_the_path_finds_or_the_body(tmp_path: Path, body: bytes, errors: str, message: str) -> None:
    result = told(tmp_path, Reply(400, body), errors)
    assert text_of(result) == f"[invalid_input] HTTP 400: {message}"


@pytest.mark.parametrize("location", ["/there?token=canary", "https://other.example/canary", "file:///canary", "::canary"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_write_is_a_failure_and_is_not_followed(tmp_path: Path, status: int, location: str) -> None:
    result = told(tmp_path, Reply(status, b"canary", {"Location": location}), _ERRORS, "add_row")
    said = f"[unexpected_status] HTTP {status}: The API redirects, and only calls that read follow that."
    assert text_of(result).startswith(said)
    assert "canary" not in str(result)


@pytest.mark.parametrize(
    ("status", "errors", "access", "retryable"),
    [
        (404, "", "read", False),
        (500, "", "read", False),
        (503, "", "read", True),
        (503, "terminal: [503]", "read", False),
        (500, "retry_on: [500]", "read", True),
        (500, "retry_on: [500], terminal: [404]", "write", False),
        (503, "", "write", False),
        (429, "", "write", True),
        (429, "terminal: [429]", "write", False),
        (503, "", "idempotent", True),
    ],
)
def test_it_is_told_whether_the_same_call_may_succeed_later(
    tmp_path: Path, status: int, errors: str, access: Any, retryable: bool
) -> None:
    result = told(tmp_path, json_reply({}, status), errors, access=access)
    assert result["structuredContent"]["error"]["retryable"] is retryable


def test_it_is_told_when_the_api_wants_to_be_asked_again(tmp_path: Path) -> None:
    result = told(tmp_path, json_reply({}, 429, Retry_After="17.5"), access="read")
    assert text_of(result) == "[rate_limited] HTTP 429: {} Try again in 18 s."
    assert result["structuredContent"]["error"]["retry_after_s"] == 18


def test_of_a_tool_whose_answers_are_redacted_no_body_is_shown(tmp_path: Path) -> None:
    async def test() -> None:
        said = {"key": "of-somebody", "fault": {"text": "No such row"}}
        async with recording(lambda request: json_reply(said, 404)) as upstream:
            for errors, shown in (("", "is not shown"), (f", errors: {{{_ERRORS}}}", "No such row")):
                file = _FILE.replace("%s", f'{errors}, response: {{redact: ["$.key"]}}')
                async with opened(tmp_path, file, upstream.url) as caller:
                    text = text_of(msgspec.json.decode(await caller.call("get_row")))
                    assert shown in text
                    assert "of-somebody" not in text

    run(test)
