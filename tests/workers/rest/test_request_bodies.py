"""Bodies of requests: JSON, forms, parts, single values; of one size at most."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.rest.parts import parts_of
from tests.workers.rest.planned import BASE, planned, tool_of
from workers.backends.rest.dadl.tool import Param, Tool
from workers.backends.rest.failed import Failed
from workers.backends.rest.requests.file import File
from workers.backends.rest.requests.plan import RequestPlan

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
FILE = File(name="a.txt", content_type="text/plain", body=b"\x00file")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sent(directory: Path, arguments: dict[str, Any], *params: str, method: str = "POST", **keys: str) -> bytes | None:
    return planned(directory, tool_of(method, "/rows", *params, **keys)).build(arguments).body


def as_json(directory: Path, arguments: dict[str, Any], *params: str, **keys: str) -> Any:
    body = sent(directory, arguments, *params, **keys)
    assert body is not None
    return msgspec.json.decode(body)


def as_form(directory: Path, arguments: dict[str, Any], *params: str, **keys: str) -> list[tuple[str, str]]:
    body = sent(directory, arguments, *params, content_type=FORM, **keys)
    assert body is not None
    return parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)


def test_json_holds_what_is_given_and_what_has_a_default(tmp_path: Path) -> None:
    declared = (
        *("a: {type: string, in: body}", "b: {type: integer, in: body, default: 5}", "c: {type: object, in: body}"),
        *("d.e: {type: boolean, in: body}", "n: {type: number, in: body}"),
    )
    assert as_json(tmp_path, {"a": "é", "c": {"x": [None]}, "d.e": False, "n": 1.5}, *declared) == {
        "a": "é",
        "b": 5,
        "c": {"x": [None]},
        "d.e": False,
        "n": 1.5,
    }
    assert as_json(tmp_path, {"a": None, "b": None}, *declared) == {"a": None, "b": None}
    assert sent(tmp_path, {"b": 2.0}, *declared) == b'{"b":2}'


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"])
def test_a_body_is_sent_with_any_method_and_none_where_there_is_nothing(tmp_path: Path, method: str) -> None:
    declared = "a: {type: string, in: body}"
    assert sent(tmp_path, {"a": "b"}, declared, method=method) == b'{"a":"b"}'
    for content_type in ("application/json", FORM, MULTIPART, "text/plain"):
        plan = planned(tmp_path, tool_of(method, "/rows", declared, content_type=content_type))
        assert plan.build({}).body is None
        assert plan.build({}).headers == {}
        if content_type != "application/json":
            assert plan.build({"a": None}).body is None
            assert plan.build({"a": None}).headers == {}


@given(json_values)
@settings(deadline=None)
def test_json_that_is_given_arrives_as_it_is(value: Any) -> None:
    plan = RequestPlan(
        Tool(method="POST", path="/x", params={"a": Param(type="object", place="body", schema={})}), {}, BASE
    )
    body = plan.build({"a": value}).body
    assert body is not None
    assert msgspec.json.decode(body) == {"a": value}


def test_names_with_dots_nest_where_the_file_says_so(tmp_path: Path) -> None:
    declared = (
        "gw.mon: {type: string, in: body}",
        "gw.ip.v4: {type: string, in: body}",
        "'a..b': {type: string, in: body}",
    )
    arguments = {"gw.mon": "1", "gw.ip.v4": "2", "a..b": "3"}
    assert as_json(tmp_path, arguments, *declared) == arguments
    nested = {"gw": {"mon": "1", "ip": {"v4": "2"}}, "a..b": "3"}
    assert as_json(tmp_path, arguments, *declared, nest_body_keys="true") == nested
    assert as_form(tmp_path, arguments, *declared, nest_body_keys="true") == [
        ("a..b", "3"),
        ("gw[mon]", "1"),
        ("gw[ip][v4]", "2"),
    ]


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"gw": {"ip": 1}, "gw.mon": "a"}, {"gw": {"ip": 1}, "gw.mon": "a"}),
        ({"gw.mon": "a"}, {"gw": {"mon": "a"}}),
        ({"gw.mon.x": "b", "gw.mon": "a"}, {"gw": {"mon": "a"}, "gw.mon.x": "b"}),
        ({"gw": None, "gw.mon": "a"}, {"gw": None, "gw.mon": "a"}),
        ({"gw.mon": None}, {"gw": {"mon": None}}),
    ],
)
def test_a_name_whose_place_is_taken_stays_as_it_is(tmp_path: Path, arguments: dict[str, Any], body: Any) -> None:
    declared = ("gw.mon.x: {type: string, in: body}", "gw: {type: object, in: body}", "gw.mon: {type: string, in: body}")
    before = msgspec.json.encode(arguments)
    assert as_json(tmp_path, arguments, *declared, nest_body_keys="true") == body
    assert msgspec.json.encode(arguments) == before


def test_a_form_has_brackets_for_what_is_nested(tmp_path: Path) -> None:
    declared = (
        *("target: {type: object, in: body}", "list: {type: array, in: body}", "ok: {type: boolean, in: body}"),
        *("n: {type: number, in: body}", "s: {type: string, in: body, default: a b}", "e: {type: array, in: body}"),
    )
    arguments = {
        "target": {"temp": 21, "until": None, "x y": {"z": ["&", "="]}},
        "list": ["x", None, {"a": 1}],
        "ok": False,
        "n": 1e6,
        "e": [],
    }
    assert as_form(tmp_path, arguments, *declared) == [
        ("target[temp]", "21"),
        ("target[x y][z][0]", "&"),
        ("target[x y][z][1]", "="),
        ("list[0]", "x"),
        ("list[2][a]", "1"),
        ("ok", "false"),
        ("n", "1000000"),
        ("s", "a b"),
    ]
    assert sent(tmp_path, {"s": "&admin=true"}, *declared, content_type=FORM) == b"s=%26admin%3Dtrue"


def test_a_form_with_parts_has_one_for_each_value(tmp_path: Path) -> None:
    declared = (
        *("note: {type: string, in: body}", "n: {type: number, in: body}", "tags: {type: array, in: body}"),
        *("about: {type: object, in: body}", "file: {type: file_url, in: body}"),
    )
    plan = planned(tmp_path, tool_of("POST", "/rows", *declared, content_type=MULTIPART))
    assert plan.files == ("file",)
    request = plan.build({"note": "é\r\n--x", "n": 1e6, "tags": ["a", None, 2], "about": {"a": 1}, "file": FILE})
    assert request.body is not None
    assert parts_of(request.headers["Content-Type"], request.body) == [
        ({"content-disposition": 'form-data; name="note"'}, "é\r\n--x".encode()),
        ({"content-disposition": 'form-data; name="n"'}, b"1000000"),
        ({"content-disposition": 'form-data; name="tags"'}, b"a"),
        ({"content-disposition": 'form-data; name="tags"'}, b"2"),
        ({"content-disposition": 'form-data; name="about"', "content-type": "application/json"}, b'{"a":1}'),
        ({"content-disposition": 'form-data; name="file"; filename="a.txt"', "content-type": "text/plain"}, b"\x00file"),
    ]
    again = plan.build({"note": "é", "file": FILE})
    assert again.headers["Content-Type"] != request.headers["Content-Type"]


def test_no_name_begins_a_header_of_a_part(tmp_path: Path) -> None:
    plan = planned(tmp_path, tool_of("POST", "/rows", '"a\\"\\r\\nX: 1": {type: file_url, in: body}'))
    request = plan.build({'a"\r\nX: 1': File(name='b"\r\nY: 1', content_type="text/plain", body=b"c")})
    assert request.body is not None
    ((headers, body),) = parts_of(request.headers["Content-Type"], request.body)
    assert headers == {
        "content-disposition": 'form-data; name="a%22%0D%0AX: 1"; filename="b%22%0D%0AY: 1"',
        "content-type": "text/plain",
    }
    assert body == b"c"


@pytest.mark.parametrize(
    ("kind", "value", "body"),
    [
        ("string", "été", "été".encode()),
        ("object", {"a": 1}, b'{"a":1}'),
        ("array", [1, "b"], b'[1,"b"]'),
        ("integer", 1e6, b"1000000"),
        ("boolean", True, b"true"),
        ("string", "", b""),
    ],
)
def test_another_content_type_sends_the_one_value_as_it_is(tmp_path: Path, kind: str, value: Any, body: bytes) -> None:
    plan = planned(tmp_path, tool_of("POST", "/tx", f"hex: {{type: {kind}, in: body}}", content_type="text/plain"))
    request = plan.build({"hex": value})
    assert (request.body, request.headers) == (body, {"Content-Type": "text/plain"})


def test_a_body_of_one_value_takes_one(tmp_path: Path) -> None:
    declared = ("a: {type: string, in: body}", "b: {type: string, in: body}")
    assert sent(tmp_path, {"a": "x", "b": None}, *declared, content_type="text/csv") == b"x"
    with pytest.raises(Failed, match=re.escape("A body of type text/csv is one value, and `a`, `b` are given.")):
        sent(tmp_path, {"a": "x", "b": "y"}, *declared, content_type="text/csv")


def test_a_file_alone_is_sent_as_it_is_where_the_content_type_has_no_parts(tmp_path: Path) -> None:
    for content_type in ("application/octet-stream", "application/json", FORM):
        plan = planned(tmp_path, tool_of("PUT", "/x", "file: {type: file_url, in: body}", content_type=content_type))
        request = plan.build({"file": FILE})
        assert (request.body, request.headers) == (b"\x00file", {"Content-Type": content_type})


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/json; charset=utf-8", b'{"a":"b c"}'),
        ("Application/Merge-Patch+JSON", b'{"a":"b c"}'),
        ("application/x-ndjson", b"b c"),
        ("application/x-www-form-urlencoded; charset=utf-8", b"a=b+c"),
        ("multipart/mixed", b"b c"),
    ],
)
def test_the_content_type_says_how_a_body_is_written(tmp_path: Path, content_type: str, kind: bytes) -> None:
    plan = planned(tmp_path, tool_of("POST", "/x", "a: {type: string, in: body}", content_type=f"'{content_type}'"))
    assert plan.build({"a": "b c"}).body == kind
    plan = planned(
        tmp_path,
        tool_of("POST", "/x", "a: {type: string, in: body}"),
        defaults=f"{{headers: {{Content-Type: '{content_type}'}}}}",
    )
    request = plan.build({"a": "b c"})
    assert (request.body, request.headers) == (kind, {"Content-Type": content_type})


def test_a_body_that_is_too_large_is_refused_with_its_size(tmp_path: Path) -> None:
    block = tool_of("POST", "/x", "a: {type: string, in: body}", max_body_size="1KiB")
    plan = planned(tmp_path, block, body_bytes_max=2000)
    assert plan.build({"a": "x" * 1000}).body
    with pytest.raises(Failed) as refused:
        plan.build({"a": "x" * 1017})
    assert refused.value.text == (
        "[invalid_input] The request's body has 1025 bytes, more than 1024 bytes (`max_body_size` of the tool). Send less."
    )
    with pytest.raises(Failed, match=re.escape("508 bytes, more than 500 bytes (TOOLMESH_UPSTREAM_REQUEST_BYTES_MAX)")):
        planned(tmp_path, block, body_bytes_max=500).build({"a": "x" * 500})
