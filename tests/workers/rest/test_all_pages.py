"""Lists of which the worker reads all pages (`behavior: auto`)."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.upstreams.recorder import Recorded, Reply, json_reply
from tests.workers.rest.listed import PATH, asked, replying, rows, rows_file

NUMBERS = list(range(7))
PAGE = "strategy: page, behavior: auto, request: {page_param: page, limit_param: size, limit_default: 3}"
OFFSET = "strategy: offset, behavior: auto, request: {offset_param: skip, limit_param: size, limit_default: 3}"
CURSOR = (
    "strategy: cursor, behavior: auto, request: {cursor_param: after, limit_param: size, limit_default: 3}, "
    "response: {next_cursor: $.next}"
)
LINK = "strategy: link_header, behavior: auto"


def by_page(query: dict[str, str]) -> Any:
    page = int(query.get("page", 1)) - 1
    return {"rows": NUMBERS[3 * page : 3 * page + 3]}


def by_offset(query: dict[str, str]) -> Any:
    skip, size = int(query.get("skip", 0)), int(query["size"])
    return {"rows": NUMBERS[skip : skip + size]}


def by_cursor(query: dict[str, str]) -> Any:
    at = int(query.get("after", "c0")[1:])
    return {"rows": NUMBERS[at : at + 3], "next": f"c{at + 3}" if at + 3 < len(NUMBERS) else None}


def test_pages_are_read_by_their_number(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(by_page), rows_file(PAGE))
    assert (given.document, given.note, given.next) == (NUMBERS, "", None)
    assert given.queries == [{"size": "3"}, {"size": "3", "page": "2"}, {"size": "3", "page": "3"}]


def test_pages_are_read_by_offset(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(by_offset), rows_file(OFFSET))
    assert (given.document, given.note) == (NUMBERS, "")
    assert given.queries == [{"size": "3"}, {"size": "3", "skip": "3"}, {"size": "3", "skip": "6"}]


def test_pages_are_read_by_cursor(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(by_cursor), rows_file(CURSOR))
    assert (given.document, given.note) == (NUMBERS, "")
    assert given.queries == [{"size": "3"}, {"size": "3", "after": "c3"}, {"size": "3", "after": "c6"}]


def test_pages_are_read_by_links(tmp_path: Path) -> None:
    def answer(request: Recorded) -> Reply:
        at = int(asked(request).get("from", 0))
        links = '<https://other.example/>; rel="first", <?from=0>; rel=prev'
        if at + 3 < len(NUMBERS):
            links += f', </rows?from={at + 3}&x=%20a#f>; title="a, b"; rel="last next"'
        return json_reply({"rows": NUMBERS[at : at + 3]}, Link=links)

    given = rows(tmp_path, answer, rows_file(LINK))
    assert (given.document, given.note) == (NUMBERS, "")
    assert [request.target for request in given.upstream.requests] == [
        "/rows",
        "/rows?from=3&x=%20a",
        "/rows?from=6&x=%20a",
    ]


def test_numbers_keep_all_their_digits(tmp_path: Path) -> None:
    pages = iter([b'{"rows": [1.10, 12345678901234567890123]}', b'{"rows": [ ]}'])
    dadl = rows_file("strategy: page, behavior: auto, request: {page_param: page}")
    assert rows(tmp_path, lambda request: Reply(200, next(pages)), dadl).text == "[1.10, 12345678901234567890123]"


def test_a_list_at_the_top_needs_no_path(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(lambda query: by_page(query)["rows"]), rows_file(PAGE, ""))
    assert given.document == NUMBERS


@pytest.mark.parametrize(
    ("says", "headers", "pages"),
    [
        ("has_more: $.more", {}, 2),
        ('has_more: "$.page < $.pages"', {}, 2),
        ("total_pages_header: X-Pages", {"X_Pages": "2"}, 2),
        ("total_count_header: X-Total", {"X_Total": "6"}, 2),
        ("total_pages_header: X-Pages", {"X_Pages": "1"}, 1),
        ("", {}, 3),
        ("total_pages_header: X-Pages", {"X_Pages": "99999999999999999999"}, 3),
        ("total_pages_header: X-Pages", {"X_Pages": "-1"}, 3),
        ("total_pages_header: X-Pages", {"X_Pages": "1000"}, 3),
        ("total_count_header: X-Total", {"X_Total": "1000000"}, 3),
        ("has_more: $.nothing", {}, 3),
        ('has_more: "$.nothing < 5"', {}, 3),
        ("", {"Link": '</rows?page=0>; rel="prev"'}, 1),
    ],
)
@pytest.mark.parametrize("strategy", [PAGE, OFFSET], ids=["page", "offset"])
def test_a_list_ends_where_the_api_says_so_or_gives_nothing(
    tmp_path: Path, strategy: str, says: str, headers: dict[str, str], pages: int
) -> None:
    """Two whole pages; what lies about the number of them costs one more request."""

    def answer(query: dict[str, str]) -> Any:
        page = int(query.get("page", 1)) if strategy is PAGE else int(query.get("skip", 0)) // 3 + 1
        return {"rows": NUMBERS[:6][3 * page - 3 : 3 * page], "more": page < 2, "page": str(page), "pages": 2}

    if strategy is OFFSET and "total_pages_header" in says:
        pages = 3  # of pages an offset knows nothing
    given = rows(tmp_path, replying(answer, **headers), rows_file(f"{strategy}, response: {{{says}}}"))
    assert len(given.upstream.requests) == pages
    assert given.document == NUMBERS[: 3 * min(pages, 2)]
    assert given.note == ""


def test_a_short_page_is_not_the_last_where_the_api_says_that_there_is_more(tmp_path: Path) -> None:
    """An API that gives fewer items at a time than it was asked for."""

    def answer(query: dict[str, str]) -> Any:
        skip = int(query.get("skip", 0))
        return {"rows": NUMBERS[skip : skip + 2], "more": skip + 2 < len(NUMBERS)}

    given = rows(tmp_path, replying(answer), rows_file(f"{OFFSET}, response: {{has_more: $.more}}"))
    assert given.document == NUMBERS
    assert [query.get("skip") for query in given.queries] == [None, "2", "4", "6"]


@pytest.mark.parametrize("end", [None, "", False, 0, "gone"], ids=repr)
def test_a_cursor_that_says_nothing_is_the_end(tmp_path: Path, end: Any) -> None:
    body = {"rows": [1]} if end == "gone" else {"rows": [1], "next": end}
    given = rows(tmp_path, replying(lambda query: body), rows_file(CURSOR))
    assert (given.document, given.note, len(given.queries)) == ([1], "", 1)


def test_a_cursor_does_not_count_where_there_is_no_more(tmp_path: Path) -> None:
    dadl = rows_file(CURSOR.replace("$.next", "$.next, has_more: $.more"))
    given = rows(tmp_path, replying(lambda query: {"rows": [1], "next": "x", "more": False}), dadl)
    assert (given.document, given.note, len(given.queries)) == ([1], "", 1)


@pytest.mark.parametrize("cursor", ["https://api.example/rows?size=3&after=c3", "/rows?after=c3", "?after=c3"])
def test_a_cursor_may_stand_in_the_url_of_the_next_page(tmp_path: Path, cursor: str) -> None:
    bodies = iter([{"rows": [1], "next": cursor}, {"rows": [2]}])
    given = rows(tmp_path, replying(lambda query: next(bodies)), rows_file(CURSOR))
    assert given.document == [1, 2]
    assert given.queries[1]["after"] == "c3"


def endless(query: dict[str, str]) -> Any:
    """A new page, whatever is asked for."""
    at = int(query.get("page") or query.get("skip") or query.get("after") or 0)
    return {"rows": [at, at + 1, at + 2], "next": at + 3, "more": True}


@pytest.mark.parametrize("strategy", [PAGE, OFFSET, CURSOR], ids=["page", "offset", "cursor"])
@pytest.mark.parametrize(("said", "pages"), [("", 20), (", max_pages: 4", 4), (", max_pages: 1000", 50)])
def test_no_list_is_read_for_ever_and_what_is_missing_is_said(tmp_path: Path, strategy: str, said: str, pages: int) -> None:
    dadl = rows_file((strategy if strategy is CURSOR else f"{strategy}, response: {{has_more: $.more}}") + said)
    given = rows(tmp_path, replying(endless), dadl)
    assert len(given.queries) == pages
    assert len(given.document) == 3 * pages
    assert given.note == (
        f"Not all of the list: {pages} pages ({3 * pages} items) were read, since that is the most that this tool reads "
        "(`max_pages`)."
    )


def test_it_is_not_said_for_sure_where_nobody_knows(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(endless), rows_file(f"{PAGE}, max_pages: 1"))
    assert given.note.startswith("Maybe not all of the list: 1 page (3 items) were read, since")


def test_who_gives_a_page_is_read_to_from_there_and_told_how_to_go_on(tmp_path: Path) -> None:
    params = PATH + ", params: {page: {type: integer, in: query}, size: {type: integer, in: query}}"
    dadl = rows_file(f"{PAGE}, max_pages: 2, response: {{has_more: $.more}}", params)
    given = rows(tmp_path, replying(endless), dadl, {"page": 5, "size": 7})
    assert given.queries == [{"page": "5", "size": "7"}, {"page": "6", "size": "7"}]
    assert given.note.endswith("To go on, call again with `page` = 7.")
    assert given.next == {"page": 7}


def test_a_first_page_that_is_called_0_is_known_by_its_default(tmp_path: Path) -> None:
    params = PATH + ", params: {page: {type: integer, in: query, default: 0}}"
    given = rows(tmp_path, replying(lambda query: {"rows": NUMBERS[3 * int(query["page"]) :][:3]}), rows_file(PAGE, params))
    assert given.document == NUMBERS
    assert [query["page"] for query in given.queries] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("strategy", "why"),
    [
        (PAGE, "page 2 is the one before it once more"),
        (OFFSET, "page 2 is the one before it once more"),
        (CURSOR, "page 2 is the one before it once more"),
        (LINK, "page 2 is the one before it once more"),
    ],
    ids=["page", "offset", "cursor", "link"],
)
def test_an_api_that_gives_the_same_page_for_ever_is_not_asked_for_ever(tmp_path: Path, strategy: str, why: str) -> None:
    answers = replying(lambda query: {"rows": [1, 2, 3], "next": "again"}, Link='</rows?again>; rel="next"')
    given = rows(tmp_path, answers, rows_file(strategy))
    assert given.document == [1, 2, 3]
    assert len(given.queries) == 2
    assert why in given.note


def test_a_cursor_that_comes_again_ends_the_list(tmp_path: Path) -> None:
    """a, b, a, b, …, with other rows each time."""
    count = iter(range(1000))

    def answer(query: dict[str, str]) -> Any:
        return {"rows": [next(count)], "next": "b" if query.get("after") == "a" else "a"}

    given = rows(tmp_path, replying(answer), rows_file(CURSOR))
    assert given.document == [0, 1, 2]
    assert given.note == (
        "Not all of the list: 3 pages (3 items) were read, since the API names a page again that was read already."
    )


@pytest.mark.parametrize("cursor", [["x"], {"a": 1}, True, "x" * 5000], ids=["list", "object", "true", "long"])
def test_a_cursor_that_is_none_ends_the_list_and_is_told(tmp_path: Path, cursor: Any) -> None:
    given = rows(tmp_path, replying(lambda query: {"rows": [1], "next": cursor}), rows_file(CURSOR))
    assert given.document == [1]
    assert len(given.queries) == 1
    assert given.note.startswith("Not all of the list: 1 page (1 items) were read, since ")


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:1/rows?page=2",
        "https://127.0.0.1/rows",
        "//evil.example/rows",
        "http://user:pass@127.0.0.1:{port}/rows?page=2",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "http://[::1",
        "http://127.0.0.1:{port}@evil.example/",
        "\\\\evil.example\\rows",
        "/rows?a b",
        "/rows?\x7f",
        "http://127.0.0.1:999999/",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path, target: str) -> None:
    def answer(request: Recorded) -> Reply:
        port = (request.header("Host") or "").rpartition(":")[2]
        return json_reply({"rows": [1]}, Link=f'<{target.replace("{port}", port)}>; rel="next"')

    given = rows(tmp_path, answer, rows_file(LINK))
    assert given.document == [1]
    assert len(given.upstream.requests) == 1
    assert given.note.startswith("Not all of the list: 1 page (1 items) were read, since its ")
    assert "evil" not in given.note


@pytest.mark.parametrize(
    "header",
    [
        "",
        "next",
        "<>",
        "<",
        "</rows>; rel=prev; rel=next",
        "</rows>; rel=nextish",
        "rel=next; </rows?2>",
        "<" * 10_000,
        ";" * 9_000,
    ],
)
def test_a_link_header_without_a_next_page_is_the_end(tmp_path: Path, header: str) -> None:
    given = rows(
        tmp_path,
        replying(lambda query: {"rows": [1]}, Link=header),
        rows_file(LINK),
        settings={"upstream_header_bytes_max": 20_000},
    )
    assert (given.document, given.note, len(given.queries)) == ([1], "", 1)


def failing_at(page: int, *replies: Reply | bytes) -> Any:
    """Fails at that page, and from then on."""
    left = list(replies)

    def answer(request: Recorded) -> Reply | bytes:
        query = asked(request)
        if int(query.get("page", 1)) < page:
            return Reply(200, msgspec.json.encode(endless(query)))
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


def test_pages_that_were_read_are_given_where_a_further_one_fails(tmp_path: Path) -> None:
    given = rows(tmp_path, failing_at(3, json_reply({"no": 1}, 500)), rows_file(PAGE))
    assert given.document == [0, 1, 2, 2, 3, 4]
    assert given.note == (
        'Maybe not all of the list: 2 pages (6 items) were read, since page 3 failed: [internal] HTTP 500: {"no":1}.'
    )


def test_a_first_page_that_fails_is_a_failure(tmp_path: Path) -> None:
    given = rows(tmp_path, failing_at(1, json_reply({"no": 1}, 500)), rows_file(PAGE))
    assert given.text == '[internal] HTTP 500: {"no":1}'
    assert given.result["isError"] is True


@pytest.mark.parametrize("broken", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[1"], ids=["closed", "cut"])
def test_a_further_page_that_breaks_is_told(tmp_path: Path, broken: bytes) -> None:
    given = rows(tmp_path, failing_at(2, broken), rows_file(PAGE))
    assert given.document == [0, 1, 2]
    assert "since page 2 failed: The upstream" in given.note


@pytest.mark.parametrize("body", [b'{"rows": {}}', b'{"rows": null}', b"{}", b"no json", b"", b"[" * 50_000])
def test_a_further_page_without_a_list_is_told(tmp_path: Path, body: bytes) -> None:
    given = rows(tmp_path, failing_at(2, Reply(200, body)), rows_file(PAGE))
    assert given.document == [0, 1, 2]
    assert given.note.endswith("since page 2 has no list where its items should be.")


def test_an_object_is_given_as_it_is(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(lambda query: {"id": 1}), rows_file(PAGE, ""))
    assert (given.document, given.note, len(given.queries)) == ({"id": 1}, "", 1)


def test_a_page_is_tried_again_as_any_request_is(tmp_path: Path) -> None:
    retries = PATH + ", errors: {retry_on: [503], retry_strategy: {max_retries: 1, initial_delay: 1ms}}"
    answers = failing_at(2, json_reply({}, 503), json_reply({"rows": [9]}))
    given = rows(tmp_path, answers, rows_file(PAGE, retries))
    assert (given.document, given.note) == ([0, 1, 2, 9], "")


def test_all_pages_together_have_a_limit(tmp_path: Path) -> None:
    given = rows(
        tmp_path,
        replying(lambda query: {"rows": ["x" * 400, query.get("page")], "more": True}),
        rows_file(f"{PAGE}, response: {{has_more: $.more}}"),
        settings={"upstream_answer_bytes_max": 1000},
    )
    assert len(given.document) == 4
    assert given.note == ("Not all of the list: 2 pages (4 items) were read, since all pages together may have 1000 bytes.")


def test_reading_ends_where_further_items_would_be_cut_away(tmp_path: Path) -> None:
    given = rows(
        tmp_path,
        replying(endless),
        rows_file(f"{PAGE}, response: {{has_more: $.more}}", ', response: {result_path: "$.rows", max_items: 5}'),
    )
    assert given.document == [0, 1, 2, 2, 3]
    assert len(given.queries) == 2
    assert "since this tool gives no more items (`max_items`)" in given.note


def test_a_list_ends_before_the_call_does(tmp_path: Path) -> None:
    """The second page never comes; what is there is given within the time of the call."""

    async def hang(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    def answer(request: Recorded) -> Any:
        return hang if "page" in asked(request) else json_reply({"rows": [1, 2, 3]})

    given = rows(tmp_path, answer, rows_file(PAGE), timeout_s=2.0)
    assert given.document == [1, 2, 3]
    assert "since page 2 failed: Backend 'wx' did not answer in" in given.note


def test_a_call_that_changes_something_asks_for_no_further_page(tmp_path: Path) -> None:
    given = rows(tmp_path, replying(endless), rows_file(f"{PAGE}, response: {{has_more: $.more}}"), access="write")
    assert given.document == [0, 1, 2]
    assert len(given.queries) == 1
    assert given.note == "There is more: this tool has no parameter to ask for it."


def test_a_search_by_post_may_have_pages(tmp_path: Path) -> None:
    params = PATH + ", params: {q: {type: string, in: body}}"
    given = rows(tmp_path, replying(by_page), rows_file(PAGE, params, "POST"), {"q": "x"})
    assert given.document == NUMBERS
    assert [request.json for request in given.upstream.requests] == [{"q": "x"}] * 3


def test_a_search_may_have_its_pages_in_the_body(tmp_path: Path) -> None:
    params = PATH + ", params: {q: {type: string, in: body}, page: {type: integer, in: body}}"

    def answer(request: Recorded) -> Reply:
        return json_reply(by_page({"page": str(request.json.get("page", 1))}))

    given = rows(tmp_path, answer, rows_file(PAGE, params, "POST"), {"q": "x"})
    assert given.document == NUMBERS
    assert [request.json.get("page") for request in given.upstream.requests] == [None, 2, 3]
    assert given.queries == [{"size": "3"}] * 3
