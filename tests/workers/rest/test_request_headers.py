"""Headers of requests: those of the file, then what arguments may say, then what the body is."""

from pathlib import Path

import pytest

from tests.workers.rest.planned import planned, tool_of
from workers.backends.rest.failed import Failed

DEFAULTS = "{headers: {Accept: application/json, content-type: application/json, X-Level: '3'}}"


def test_headers_of_the_file_are_sent_with_every_request(tmp_path: Path) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows"), defaults=DEFAULTS)
    assert plan.build({}).headers == {"Accept": "application/json", "content-type": "application/json", "X-Level": "3"}


def test_a_parameter_wins_over_a_header_of_the_file_in_any_case(tmp_path: Path) -> None:
    declared = ("ACCEPT: {type: string, in: header, default: text/csv}", "X-Site: {type: string, in: header}")
    plan = planned(tmp_path, tool_of("GET", "/rows", *declared), defaults=DEFAULTS)
    assert plan.build({}).headers == {"ACCEPT": "text/csv", "content-type": "application/json", "X-Level": "3"}
    assert plan.build({"ACCEPT": "a/b", "X-Site": "7"}).headers == {
        "ACCEPT": "a/b",
        "X-Level": "3",
        "X-Site": "7",
        "content-type": "application/json",
    }


def test_an_empty_header_is_not_sent(tmp_path: Path) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows", "X-Site: {type: string, in: header}"))
    assert plan.build({"X-Site": ""}).headers == {}
    assert plan.build({"X-Site": None}).headers == {}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [("integer", 7, "7"), ("boolean", True, "true"), ("array", ["a", 2], "a,2"), ("object", {"a": 1}, '{"a":1}')],
)
def test_other_values_than_texts_have_one(tmp_path: Path, kind: str, value: object, text: str) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows", f"X-Site: {{type: {kind}, in: header}}"))
    assert plan.build({"X-Site": value}).headers == {"X-Site": text}


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "a\nb", "a\x00b", "é", " a", "a ", "a\x7f"])
def test_a_value_that_no_header_can_carry_is_refused(tmp_path: Path, value: str) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows", "X-Site: {type: string, in: header}"))
    with pytest.raises(Failed, match="The value for the header 'X-Site' holds what no header can carry") as refused:
        plan.build({"X-Site": value})
    assert refused.value.code == "invalid_input"
    assert "X-Admin" not in refused.value.text


@pytest.mark.parametrize("value", [None, ""])
def test_a_required_header_is_missed(tmp_path: Path, value: str | None) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows", "X-Site: {type: string, in: header, required: true}"))
    with pytest.raises(Failed, match=r"required parameter `X-Site`.* is missing"):
        plan.build({} if value is None else {"X-Site": value})


@pytest.mark.parametrize(
    "name",
    [
        *(
            "X-HTTP-Method",
            "X_Forwarded_For",
            "X-Real-IP",
            "Origin",
            "Accept-Encoding",
            "X-Original-URL",
            "Proxy-Connection",
        ),
        *("X-Key", "x_key"),
    ],
)
def test_no_argument_fills_a_header_that_says_who_asks_or_what_is_done(tmp_path: Path, name: str) -> None:
    tool = planned(tmp_path, tool_of("GET", "/rows", f"{name}: {{type: string, in: header}}"), secret_headers={"x-key"})
    with pytest.raises(Failed, match=r"not one that an argument may set|There is no parameter"):
        tool.build({name: "1"})


def test_a_body_says_itself_what_it_is(tmp_path: Path) -> None:
    body = "a: {type: integer, in: body}"
    plan = planned(tmp_path, tool_of("POST", "/rows", body, content_type="application/vnd.wx+json"), defaults=DEFAULTS)
    assert plan.build({"a": 1}).headers == {
        "Accept": "application/json",
        "X-Level": "3",
        "Content-Type": "application/vnd.wx+json",
    }
    plan = planned(tmp_path, tool_of("POST", "/rows", body))
    assert plan.build({"a": 1}).headers == {"Content-Type": "application/json"}
    assert plan.build({}).headers == {}


def test_what_http_itself_says_is_not_taken_from_a_file(tmp_path: Path) -> None:
    transport = "Content-Length: '5', Transfer-Encoding: chunked, Connection: close, Accept-Encoding: br"
    defaults = f"{{headers: {{{transport}, Host: a.example}}}}"
    assert planned(tmp_path, tool_of("GET", "/rows"), defaults=defaults).build({}).headers == {"Host": "a.example"}
