"""Queries of requests: what is declared, form-escaped, in the order of the file."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.rest.planned import BASE, planned, query_of, tool_of
from workers.backends.rest.dadl.tool import Param, Tool
from workers.backends.rest.requests.plan import RequestPlan

PAGED = RequestPlan(
    Tool(
        method="GET",
        path="/rows",
        params={
            "filter[name]": Param(type="string", place="query"),
            "page": Param(type="integer", place="query", default=1),
        },
    ),
    {},
    BASE,
)


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("string", "a b&c=d", "q=a+b%26c%3Dd"),
        ("string", "", "q="),
        ("string", "é~-._*", "q=%C3%A9~-._%2A"),
        ("boolean", True, "q=true"),
        ("boolean", False, "q=false"),
        ("integer", 1000000.0, "q=1000000"),
        ("integer", -5, "q=-5"),
        ("integer", 123456789012345678901234567890, "q=123456789012345678901234567890"),
        ("number", 1e21, "q=1000000000000000000000"),
        ("number", 1.5, "q=1.5"),
        ("number", 1e-7, "q=0.0000001"),
        ("number", -0.0, "q=0"),
        ("array", ["a", 1, True, None, {"x": [1]}], "q=a&q=1&q=true&q=%7B%22x%22%3A%5B1%5D%7D"),
        ("array", [], ""),
        ("object", {"a": ["é", 1.0]}, "q=%7B%22a%22%3A%5B%22%C3%A9%22%2C1.0%5D%7D"),
        ("string", None, ""),
    ],
)
def test_each_kind_of_value_has_its_text(tmp_path: Path, kind: str, value: Any, written: str) -> None:
    plan = planned(tmp_path, tool_of("GET", "/rows", f"q: {{type: {kind}, in: query}}"))
    assert plan.build({"q": value}).url.raw_query_string == written


def test_defaults_are_sent_and_null_leaves_them_out(tmp_path: Path) -> None:
    declared = (
        "z: {type: string, in: query}",
        "a: {type: integer, in: query, default: 5}",
        "f: {type: boolean, in: query}",
    )
    plan = planned(tmp_path, tool_of("GET", "/rows", *declared))
    assert str(plan.build({}).url) == f"{BASE}/rows?a=5"
    assert str(plan.build({"a": None}).url) == f"{BASE}/rows"
    assert query_of(plan.build({"f": False, "a": 1, "z": "last?"})) == [("z", "last?"), ("a", "1"), ("f", "false")]


def test_a_name_is_escaped_like_a_value(tmp_path: Path) -> None:
    plan = planned(
        tmp_path, tool_of("GET", "/rows", "'filter[a b]': {type: string, in: query}", "'id[]': {type: array, in: query}")
    )
    request = plan.build({"filter[a b]": "x", "id[]": ["1", "2"]})
    assert request.url.raw_query_string == "filter%5Ba+b%5D=x&id%5B%5D=1&id%5B%5D=2"
    assert query_of(request) == [("filter[a b]", "x"), ("id[]", "1"), ("id[]", "2")]


def test_pages_have_the_last_word_on_the_query() -> None:
    assert query_of(PAGED.build({"page": 7}, query={"page": 3})) == [("page", "3")]
    assert query_of(PAGED.build({}, query={"after": "a/b=", "size": 10})) == [
        ("page", "1"),
        ("after", "a/b="),
        ("size", "10"),
    ]
    assert query_of(PAGED.build({"filter[name]": "x"}, query={"page": None, "n": None})) == [("filter[name]", "x")]


@given(st.text(), st.text())
@settings(deadline=None)
def test_no_value_becomes_another_parameter(value: str, cursor: str) -> None:
    request = PAGED.build({"filter[name]": value}, query={"cursor": cursor})
    assert query_of(request) == [("filter[name]", value), ("page", "1"), ("cursor", cursor)]
    assert request.url.raw_path == "/api/v2/rows"
