"""URLs of requests: a parameter of the path is one segment of it, or a part of one, whatever it holds."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.listed_hosts import ListedHosts
from tests.workers.rest.planned import BASE, planned, tool_of
from workers.backends.rest.dadl.tool import Param, Tool
from workers.backends.rest.failed import Failed
from workers.backends.rest.requests.plan import RequestPlan

ID = "id: {type: string, in: path, required: true}"
TWO = Tool(
    method="GET",
    path="/rows/{a}/parts/{b}.json",
    params={
        "a": Param(type="string", place="path", required=True),
        "b": Param(type="string", place="path", required=True),
        "q": Param(type="string", place="query"),
    },
)
PLAN = RequestPlan(TWO, {}, BASE)

texts = st.text(min_size=40, max_size=100) | st.text(alphabet="./\\%2fFeE;?#@:\r\n\0é x", min_size=40, max_size=100)
"""Long ones, of which each piece is two arguments: many times as fast as drawing each of them."""


def check(a: str, b: str) -> None:
    try:
        request = PLAN.build({"a": a, "b": b, "q": a})
    except Failed as failed:
        assert failed.code == "invalid_input"
        assert a in ("", ".", "..") or not b
        return
    url = request.url
    assert (url.scheme, url.raw_host, url.port) == ("https", "wx.example", 443)
    assert not url.raw_fragment
    assert url.user is None
    path = str(url).removeprefix("https://wx.example").partition("?")[0]
    assert path == url.raw_path
    segments = path.split("/")
    assert [*segments[:4], segments[5]] == ["", "api", "v2", "rows", "parts"]
    assert len(segments) == 7
    assert (unquote(segments[4]), unquote(segments[6])) == (a, f"{b}.json")
    assert not {".", "..", ""} & {unquote(segment) for segment in segments[1:]}
    assert path.isascii()
    assert path.isprintable()


def check_pieces(text: str) -> None:
    for at in range(0, len(text) + 1, 4):
        check(text[at : at + 4], text[at + 2 : at + 7])


@pytest.mark.parametrize("a", ["../../admin", "..%2f..%2fadmin", "%2e%2e", "a/b", "?x=", "#", ";v=1", "\\", ".", "..", ""])
@pytest.mark.parametrize("b", ["..", "a\\b", "@evil.example", "//evil.example/", ""])
def test_what_is_tried_again_and_again_changes_neither_host_nor_segments(a: str, b: str) -> None:
    check(a, b)


@given(texts)
@settings(max_examples=600, deadline=None)
def test_no_argument_changes_host_or_segments(text: str) -> None:
    check_pieces(text)


@pytest.mark.slow
@given(texts)
@settings(max_examples=20_000, deadline=None)
def test_no_argument_of_very_many_changes_host_or_segments(text: str) -> None:
    check_pieces(text)


@pytest.mark.parametrize(
    ("path", "base", "url"),
    [
        ("/rows/{id}", "https://wx.example/api/v2", "https://wx.example/api/v2/rows/a%2Fb"),
        ("rows/{id}", "https://wx.example/api/v2", "https://wx.example/api/v2/rows/a%2Fb"),
        ("/rows/{id}", "https://wx.example", "https://wx.example/rows/a%2Fb"),
        ("/rows/{id}/", "http://wx.example:8080", "http://wx.example:8080/rows/a%2Fb/"),
        ("/rows/({id})", "http://[::1]:8080/x", "http://[::1]:8080/x/rows/(a%2Fb)"),
        ("/rows/{id}/~é", "https://wx.example", "https://wx.example/rows/a%2Fb/~%C3%A9"),
        ("/{id}", "https://WX.example/API/", "https://wx.example/API/a%2Fb"),
        ("//evil.example/{id}", "https://wx.example/x", "https://wx.example/x//evil.example/a%2Fb"),
        ("https://up.example/files/{id}", "https://wx.example/x", "https://up.example/files/a%2Fb"),
        ("/rows?kind=x&id={id}", "https://wx.example/x", "https://wx.example/x/rows?kind=x&id=a%2Fb"),
    ],
)
def test_the_path_of_a_tool_is_behind_that_of_the_base_url(tmp_path: Path, path: str, base: str, url: str) -> None:
    assert str(planned(tmp_path, tool_of("GET", path, ID), base=base).build({"id": "a/b"}).url) == url


def test_a_query_comes_behind_one_that_the_path_has(tmp_path: Path) -> None:
    for path, url in (("/x?a=1", "/x?a=1&q=2"), ("/x?", "/x?q=2"), ("/x", "/x?q=2")):
        plan = planned(tmp_path, tool_of("GET", path, "q: {type: integer, in: query}"))
        assert str(plan.build({"q": 2}).url) == BASE + url


@pytest.mark.parametrize(
    ("kind", "value", "segment"),
    [
        ("integer", 7, "7"),
        ("integer", 1e6, "1000000"),
        ("number", 0.00001, "0.00001"),
        ("boolean", True, "true"),
        ("string", "a b+c", "a%20b%2Bc"),
        ("string", "é", "%C3%A9"),
        ("string", "...", "..."),
    ],
)
def test_values_of_the_path_are_plain_texts(tmp_path: Path, kind: str, value: Any, segment: str) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows/{id}", f"id: {{type: {kind}, in: path, required: true}}"))
    assert str(plan.build({"id": value}).url) == f"{BASE}/rows/{segment}"


def test_a_default_stands_in_for_a_parameter_of_the_path(tmp_path: Path) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows/{id}", "id: {type: string, in: path, default: me}"))
    assert plan.build({}).url.path == "/api/v2/rows/me"
    assert plan.build({"id": None}).url.path == "/api/v2/rows/me"
    assert plan.build({"id": "you"}).url.path == "/api/v2/rows/you"


@pytest.mark.parametrize(
    ("params", "path", "arguments", "told"),
    [
        ("id: {type: string, in: path}", "/rows/{id}", {}, "The required parameter `id` is missing. Give it."),
        (
            "id: {type: string, in: path}",
            "/rows/{id}",
            {"id": ""},
            "The parameter `id` is empty, and is a part of the path. Give a value.",
        ),
        (
            "id: {type: array, in: path}",
            "/rows/{id}",
            {"id": ["a"]},
            "The parameter `id` is a part of the path. Give a single value.",
        ),
        (
            "id: {type: string, in: path}",
            "/rows/{id}",
            {"id": ".."},
            "The parameter `id` can't be `.` or `..`: that would be another path.",
        ),
        (
            "a: {type: string, in: path}, b: {type: string, in: path}",
            "/rows/{a}{b}/x",
            {"a": ".", "b": "."},
            "One of the parameters `a`, `b` can't be `.` or `..`: that would be another path.",
        ),
        (
            "a: {type: string, in: path}",
            "/rows/%2E{a}",
            {"a": "."},
            "The parameter `a` can't be `.` or `..`: that would be another path.",
        ),
        (
            "a: {type: string, in: path}",
            "/{a}",
            {"a": "\ud800"},
            "An argument holds half of a surrogate pair, which is no text. Remove it.",
        ),
    ],
)
def test_what_can_be_no_segment_is_refused(
    tmp_path: Path, params: str, path: str, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(Failed) as refused:
        planned(tmp_path, tool_of("GET", path, params)).build(arguments)
    assert refused.value.text == f"[invalid_input] {told}"


@pytest.mark.parametrize(
    ("path", "base", "told"),
    [
        ("https://{a}.evil.example/x", BASE, "depends on a parameter"),
        ("https://x.{a}/x", BASE, "depends on a parameter"),
        ("https://x:{a}/x", BASE, "depends on a parameter"),
        ("/x/{a}", "ftp://wx.example", "no http or https URL"),
        ("/x/{a}", "wx.example", "no http or https URL"),
        ("/x/{a}", "https://wx.example/x?y=1", "has a query or a fragment"),
    ],
)
def test_a_host_that_arguments_would_change_is_none(path: str, base: str, told: str) -> None:
    tool = Tool(method="GET", path=path, params={"a": Param(type="string", place="path", required=True)})
    with pytest.raises(ConfigurationError, match=told):
        RequestPlan(tool, {}, base)


@pytest.mark.parametrize(
    ("path", "listed", "foreign"),
    [
        ("/a", (), False),
        ("https://wx.example/other", (), False),
        ("https://WX.example:443/other", (), False),
        ("http://wx.example/other", (), True),
        ("https://wx.example:444/other", (), True),
        ("https://up.example/a", (), True),
        ("https://up.example/a", ("up.example",), False),
        ("https://up.example:444/a", ("up.example",), False),
        ("https://up.example:444/a", ("up.example:443",), True),
        ("https://a.up.example/a", ("up.example",), True),
        ("https://a.up.example/a", ("*.up.example",), False),
        ("https://up.example/a", ("*.up.example",), True),
        ("https://evilup.example/a", ("*.up.example", "up.example"), True),
        ("http://up.example/a", ("up.example",), True),
    ],
)
def test_a_host_of_a_tools_own_is_foreign_unless_it_is_listed(path: str, listed: tuple[str, ...], foreign: bool) -> None:
    plan = RequestPlan(Tool(method="GET", path=path), {}, BASE, credential_hosts=ListedHosts.parse(listed))
    assert plan.build({}).foreign is foreign
