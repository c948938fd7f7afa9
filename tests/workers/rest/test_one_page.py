"""Lists of which a caller asks for one page (`behavior: expose`), and is told how to ask for the next."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.upstreams.recorder import Reply, recording
from tests.upstreams.started import run
from tests.workers.rest.listed import replying, rows, rows_file
from tests.workers.rest.opened import opened
from tests.workers.rest.written import PLAIN, backend, loaded
from workers.backends.rest.dadl.condition import parse_condition
from workers.backends.rest.dadl.json_path import Segment
from workers.backends.rest.pages.asking import in_words
from workers.backends.rest.pages.conditions import holds
from workers.backends.rest.selecting import MISSING, NotThere, select

PAGE = "strategy: page, request: {page_param: page, limit_param: size, limit_default: 2}"
OFFSET = "strategy: offset, request: {cursor_param: skip, limit_param: size, limit_default: 2}"
CURSOR = "strategy: cursor, request: {cursor_param: after}, response: {next_cursor: $.next, has_more: $.more}"
FULL = {"rows": [1, 2]}


PAGES = PAGE + ", response: {total_pages_header: T}"
COUNT = PAGE + ", response: {total_count_header: T}"
NEXT = OFFSET + ', response: {has_more: "$.next != null"}'
NO_WAY = "There is more: this tool has no parameter to ask for it."
NOT_WHERE = "This may not be all of the list: the API says that there is more, and not where."
AGAIN = "This may not be all of the list: the API names a page again that was read already."


def more(**further: Any) -> tuple[str, Any]:
    """What is told where there is more, for people and for programs."""
    return f"There is more: call again with {in_words(further)}.", further


def may_be(**further: Any) -> tuple[str, Any]:
    """The same where nobody knows."""
    return f"There may be more: call again with {in_words(further)}.", further


@pytest.mark.parametrize(
    ("pagination", "arguments", "body", "headers", "told"),
    [
        (PAGE, {}, FULL, {}, may_be(page=2)),
        (PAGE, {"page": 4}, FULL, {}, may_be(page=5)),
        (PAGE, {}, {"rows": [1]}, {}, ("", None)),
        (PAGE, {"size": 1}, {"rows": [1]}, {}, may_be(page=2)),
        (PAGE, {}, {"rows": []}, {}, ("", None)),
        (PAGE, {}, {"rows": {}}, {}, ("", None)),
        (PAGE, {}, FULL, {"Link": "</rows?page=2&size=2>; rel=next"}, more(page=2)),
        (PAGE, {}, FULL, {"Link": "</rows?page=1>; rel=prev"}, ("", None)),
        (PAGE + ", response: {has_more: $.more}", {}, FULL | {"more": False}, {}, ("", None)),
        (PAGES, {"page": 2}, FULL, {"T": "3"}, more(page=3)),
        (PAGES, {"page": 3}, FULL, {"T": "3"}, ("", None)),
        (COUNT, {"page": 2}, FULL, {"T": "5"}, more(page=3)),
        (COUNT, {"page": 2}, FULL, {"T": "4"}, ("", None)),
        (OFFSET, {"skip": 10}, FULL, {}, may_be(skip=12)),
        (NEXT, {}, FULL | {"next": "x"}, {}, more(skip=2)),
        (NEXT, {}, FULL | {"next": None}, {}, ("", None)),
        (CURSOR, {}, FULL | {"next": 'a"b', "more": True}, {}, more(after='a"b')),
        (CURSOR, {}, FULL | {"next": 7}, {}, more(after="7")),
        (CURSOR, {}, FULL | {"next": "x", "more": False}, {}, ("", None)),
        (CURSOR, {}, FULL | {"more": True}, {}, (NOT_WHERE, None)),
        (CURSOR, {"after": "x"}, FULL | {"next": "x"}, {}, (AGAIN, None)),
        (
            "strategy: link_header, request: {page_param: p}",
            {"p": 1},
            FULL,
            {"Link": "</rows?p=2&size=2>; rel=next"},
            more(p=2),
        ),
        ("strategy: link_header", {}, FULL, {"Link": "</rows?p=b>; rel=next"}, (NO_WAY, None)),
        ("strategy: link_header", {}, FULL, {}, ("", None)),
        ("strategy: page, max_pages: 1", {}, FULL | {"more": True}, {}, ("", None)),
    ],
)
def test_a_caller_is_told_how_to_ask_for_the_next_page(
    tmp_path: Path,
    pagination: str,
    arguments: dict[str, Any],
    body: Any,
    headers: dict[str, str],
    told: tuple[str, Any],
) -> None:
    given = rows(tmp_path, replying(lambda query: body, **headers), rows_file(pagination), arguments)
    assert (given.note, given.next) == told
    assert given.document == body["rows"], "the first text is data alone"
    assert len(given.queries) == 1


@pytest.mark.parametrize(
    ("arguments", "following"),
    [({}, {"skip": 2}), ({"skip": 10}, {"skip": 12}), ({"jq": "length"}, {"skip": 3})],
)
def test_by_offset_it_goes_on_behind_what_was_shown_of_a_page(
    tmp_path: Path, arguments: dict[str, Any], following: dict[str, int]
) -> None:
    cut = ", response: {result_path: $.rows, max_items: 2, allow_jq_override: true}"
    given = rows(tmp_path, replying(lambda query: {"rows": [1, 2, 3]}), rows_file(OFFSET, cut), arguments)
    assert given.next == following, "a program of the caller's has seen all of them"


@pytest.mark.parametrize("behavior", ["expose", "auto"])
@pytest.mark.parametrize("pagination", [CURSOR, NEXT, PAGES])
@pytest.mark.parametrize("body", [b"", b" \n"], ids=["nothing", "blank"])
def test_an_answer_without_a_list_and_without_anything_has_no_next_page(
    tmp_path: Path, body: bytes, pagination: str, behavior: str
) -> None:
    async def test() -> None:
        async with (
            recording(lambda request: Reply(204 if not body else 200, body)) as upstream,
            opened(tmp_path, rows_file(f"{pagination}, behavior: {behavior}"), upstream.url) as caller,
        ):
            assert msgspec.json.decode(await caller.call("rows", access="read")) == {
                "content": [{"type": "text", "text": "null"}]
            }

    run(test)


def test_arguments_are_told_as_they_are_written() -> None:
    assert in_words({"page": 2, "after": 'a"b'}) == '`page` = 2, `after` = "a\\"b"'


def test_the_size_of_a_page_is_sent_where_the_caller_says_none(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(lambda query: FULL), rows_file(PAGE))
    assert given.queries == [{"size": "2"}]
    given = rows(tmp_path, replying(lambda query: FULL), rows_file(PAGE), {"size": 9, "page": 3})
    assert given.queries == [{"size": "9", "page": "3"}]


def test_a_tool_that_says_none_has_no_pages(tmp_path: Path) -> None:
    dadl = rows_file(PAGE).replace(f"pagination: {{{PAGE}}}", "pagination: none")
    given = rows(tmp_path, replying(lambda query: FULL), dadl)
    assert (given.note, given.queries) == ("", [{}])


def test_the_defaults_say_how_lists_are_read_and_lists_are_read_by_get(tmp_path: Path) -> None:
    tools = "tools:\n"
    tools += "    a: {method: GET, path: /a, access: read, description: A}\n"
    tools += "    b: {method: POST, path: /b, access: read, description: B}\n"
    tools += "    c: {method: POST, path: /c, access: read, description: C, pagination: {strategy: link_header}}\n"
    text = backend(f"defaults: {{pagination: {{{PAGE}}}}}").replace("tools:\n", tools, 1)
    found = loaded(tmp_path, text).tools
    assert [None if (p := found[name].pagination) is None else p.strategy for name in "abc"] == [
        "page",
        None,
        "link_header",
    ]
    assert PLAIN.count("now:") == 1


BODY = {"more": True, "no": False, "zero": 0, "text": "x", "empty": "", "none": None, "one": 1, "two": "2", "list": []}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("$.more", True),
        ("$.no", False),
        ("$.zero", False),
        ("$.none", False),
        ("$.empty", False),
        ("$.list", False),
        ("$.text", True),
        ("$.missing", None),
        ("$.one < $.two", True),
        ("$.two <= 2", True),
        ("$.two > $.one", True),
        ("$.one >= 1.5", False),
        ("$.one < $.missing", None),
        ("$.text < 3", None),
        ("$.more < 3", None),
        ("$.none == null", True),
        ("$.missing == null", True),
        ("$.missing != null", False),
        ("$.text == 'x'", True),
        ("$.text != 'x'", False),
        ("$.one == true", False),
        ("$.more == true", True),
        ("$.zero == false", False),
    ],
)
def test_a_condition_holds_or_not_or_nobody_knows(condition: str, found: bool | None) -> None:
    def look(segments: tuple[Segment, ...]) -> Any:
        try:
            return select(segments, BODY)
        except NotThere:
            return MISSING

    assert holds(parse_condition(condition), look) is found  # type: ignore[arg-type]
