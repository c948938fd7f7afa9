"""Who gets a page, and who gets the result as it is."""

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.exchange import Exchange
from edge.paging.page import PAGE_META
from edge.paging.pager import Pager
from edge.render import error_response
from shared.errors import InvalidParams, UnknownCursor, UpstreamError, UpstreamTimeout
from shared.identity import Principal
from shared.result_budgets import parse_result_budgets
from shared.settings import Settings
from tests.contract.hop import RING
from tests.edge.paging.results import ADA, CONTENTS, body, exchange, pager, running, seen, text

LONG = body([text("word " * 2_000)])


def first(raw: bytes, asked: Exchange | None = None, made: Pager | None = None) -> Any:
    return json.loads((made or pager()).first(asked or exchange(), running(), raw))


def read_on(result: Any, raw: bytes, asked: Exchange | None = None, made: Pager | None = None) -> list[Any]:
    """All pages, from the first one on, each as another edge makes it."""
    pages = [result]
    while cursor := pages[-1]["_meta"][PAGE_META].get("cursor"):
        maker = made or pager()
        asked = asked or exchange()
        found = maker.following(asked, maker.read(cursor, asked.principal), raw)
        pages.append(json.loads(found.body))
        assert found.span in pages[-1]["content"][-1]["text"]
    return pages


@pytest.mark.parametrize(
    ("asked", "chars"),
    [
        (exchange("openai-mcp/1.0.0"), 2_000),
        (exchange("OpenAI-MCP/2 (Codex)"), 2_000),
        (exchange("", name="openai-mcp"), 2_000),
        (exchange("", name="OpenAI-MCP", era="legacy"), 2_000),
        (exchange("Claude-User"), 5_000),
        (exchange("Claude-User", name="openai-mcp"), 2_000),
        (exchange("Claude-Code/2.0", name="claude-code"), 3_000),
        (exchange("", name="my openai-mcp"), None),
        (exchange("curl openai-mcp"), None),
        (exchange("", name="openai-mcp-lab"), None),
        (exchange(""), None),
        (exchange("", era="legacy"), None),
    ],
)
def test_a_client_is_known_by_its_names_and_the_smaller_of_two_limits_counts(asked: Exchange, chars: int | None) -> None:
    made = pager("openai-mcp=2000", "claude=5000", "claude-code=3000", "openai-mcp-lab=0")
    assert made.cuts(asked) == (chars is not None)
    assert made.bytes_min == 2_000
    result = first(LONG, asked, made)
    if chars is None:
        assert result == json.loads(LONG)
    else:
        assert 0.7 * chars - 500 < seen(result["content"]) <= chars


def test_where_the_operator_names_nobody_nothing_is_looked_at() -> None:
    for entries in ((), ("openai-mcp=0",)):
        made = Pager(RING, Settings(result_chars_max=entries))
        assert made.bytes_min == sys.maxsize
        assert not made.cuts(exchange())


def test_the_defaults_know_chatgpt_claude_and_claude_code() -> None:
    known = parse_result_budgets("X", Settings().result_chars_max)
    assert known == {"openai-mcp": 30_000, "claude": 150_000, "claude-code": 50_000, "anthropic": 150_000}


@pytest.mark.parametrize(
    "raw",
    [
        body([text("x" * 1_900)]),
        body([text("é" * 1_900)]),
        json.dumps({"content": [text("é" * 1_900)]}).encode(),
        b'{"content": [' + b" " * 5_000 + b'{"type":"text","text":"short"}]}',
        body([{"type": "image", "data": "A" * 100_000, "mimeType": "image/png"}]),
        body([text("x" * 900)], structuredContent={"result": "x" * 900}),
        body([text("x")], _meta={"long": "x" * 10_000}),
        body([], resultType="input_required", inputRequests={"a": "x" * 10_000}),
        body("x" * 10_000),
        body([{"type": "resource_link", "uri": "note://n", "name": "n", "description": "x" * 2_500}]),
    ],
    ids=[
        *("ASCII", "UTF-8", "escaped", "space", "a picture", "said twice and short", "_meta", "a question", "no content"),
        "one block that can't be cut",
    ],
)
def test_what_fits_or_is_no_result_stays_the_bytes_that_it_is(raw: bytes) -> None:
    assert pager().first(exchange(), running(), raw) is raw


@pytest.mark.parametrize("wrapped", [True, False])
def test_what_fits_once_it_is_said_only_once_is_no_page(wrapped: bool) -> None:
    structured: dict[str, Any] = {"result": "x" * 1_500} if wrapped else {"rows": ["x" * 1_500]}
    said = "x" * 1_500 if wrapped else json.dumps(structured)
    result = first(body([text(said)], structuredContent=structured, isError=False))
    assert result == {
        "content": [text(said)],
        "isError": False,
        "_meta": {PAGE_META: {"offset": 0, "chars": len(said), "total": len(said)}},
    }


@given(CONTENTS, st.sampled_from([None, {"rows": list(range(900))}, {"result": "x"}]), st.booleans())
@settings(max_examples=60)
def test_whatever_the_result_who_reads_on_has_all_of_it(content: list[Any], structured: Any, is_error: bool) -> None:
    members = {} if structured is None else {"structuredContent": structured}
    raw = body(content, isError=is_error, **members)
    result = first(raw)
    if PAGE_META not in result.get("_meta", {}):
        assert result == json.loads(raw)
        return
    pages = read_on(result, raw)
    assert all(page["isError"] is is_error for page in pages)
    notes = [page["content"].pop()["text"] for page in pages if len(pages) > 1]
    assert [note.endswith("This is the end of it.]") for note in notes] == [False] * (len(notes) - 1) + [True] * bool(notes)
    shown = "".join(_said(block) for page in pages for block in page["content"])
    whole = "".join(map(_said, content))
    assert shown == whole or json.loads(shown.removeprefix(whole)) == structured
    # Another page of the same cursor is the same page.
    assert read_on(result, raw) == [result, *read_on(result, raw)[1:]]


def _said(block: dict[str, Any]) -> str:
    return str(block.get("text", "")) if block["type"] == "text" else str(block.get("resource", {}).get("text", ""))


def test_who_takes_more_reads_on_in_larger_pages_and_who_takes_all_in_one() -> None:
    made, result = pager(), first(LONG)
    assert len(read_on(result, LONG)) > 5
    for agent, pages in (("Claude-User", 4), ("curl/8", 2)):
        assert len(read_on(result, LONG, exchange(agent), made)) <= pages


def test_a_cursor_of_another_principal_s_is_refused_and_says_what_to_do() -> None:
    cursor = first(LONG)["_meta"][PAGE_META]["cursor"]
    with pytest.raises(UnknownCursor, match="only if it just reads"):
        pager().read(cursor, Principal(subject="bob"))
    assert pager().read(cursor, ADA).backend == "notes"


def test_a_result_that_is_another_one_than_the_cursor_s_has_no_page() -> None:
    made = pager()
    cursor = made.read(first(LONG)["_meta"][PAGE_META]["cursor"], ADA)
    for raw in (body([text("short")]), body([]), body([], resultType="input_required")):
        with pytest.raises(UnknownCursor):
            made.following(exchange(), cursor, raw)


def test_what_is_no_json_is_told_from_a_result() -> None:
    for raw in (b"no JSON" * 1_000, body([text("x" * 5_000)]).replace(b"xx", b"\\ud800", 1)):
        with pytest.raises(msgspec.DecodeError):
            pager().first(exchange(), running(), raw)


def test_a_long_failure_is_cut_and_says_so() -> None:
    made = pager()
    error = made.shortened(exchange(), UpstreamTimeout("why " * 2_000))
    assert len(error.detail) <= 2_000
    assert error.detail.startswith("why why ")
    assert error.detail.endswith("of 8,000 characters; the rest is not kept.]")
    long = "why " * 2_000
    assert made.shortened(exchange("curl"), UpstreamTimeout(long)).detail == long
    assert made.shortened(exchange(), InvalidParams("short", data={"x": 1})).data == {"x": 1}


def test_a_long_error_of_a_backend_keeps_its_code_and_the_beginning_of_its_message() -> None:
    relayed = {"code": -32050, "message": "why " * 2_000, "data": {"trace": "x" * 10_000}}
    asked = exchange()
    error = pager().shortened(asked, UpstreamError("it said no", data={"error": relayed}))
    _, raw = error_response(asked.message, error, "c")
    said = json.loads(raw)["error"]
    assert len(raw) < 2_000
    assert said["code"] == -32050
    assert said["message"].startswith("why why ")
    assert "data" not in said
    short = {"code": -32050, "message": "no", "data": {"a": 1}}
    error = pager().shortened(asked, UpstreamError("x" * 3_000, data={"error": short}))
    assert error.data == {"error": short}
