"""The pages of any result give the whole of it, in its order, and none has more than its client takes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.paging.page import NOTE_CHARS_MAX, PAGE_META, Page, Place, page_from, result_of
from edge.paging.pieces import Parts, take_apart
from tests.edge.paging.results import CONTENTS, body, is_oversized, seen, text, together, written

BUDGET = 2_000
ROOM = BUDGET - NOTE_CHARS_MAX


def parts_of(content: Any, **members: Any) -> Parts:
    parts = take_apart(body(content, **members))
    assert parts is not None
    return parts


def pages_of(parts: Parts, budget: int = BUDGET) -> list[tuple[Page, bool]]:
    """All pages, each with whether it begins inside of a block."""
    found, place = [], Place()
    while True:
        page = page_from(parts, place, budget)
        found.append((page, place.at > 0))
        assert page.blocks
        if page.next is None:
            return found
        assert (page.next.piece, page.next.at) > (place.piece, place.at)
        place = page.next


@given(CONTENTS.filter(bool), st.integers(2_000, 6_000))
@settings(max_examples=200)
def test_the_pages_put_together_are_the_result_and_each_is_within_the_budget(content: list[Any], budget: int) -> None:
    parts = parts_of(content)
    pages = pages_of(parts, budget)
    assert together(pages) == content
    offset = 0
    for page, _ in pages:
        assert (page.offset, page.total) == (offset, parts.chars)
        offset += page.chars
        result = json.loads(result_of(page, parts, "c" * 100 if page.next is not None else ""))
        assert seen(result["content"]) <= budget or is_oversized(page, parts, budget)
    assert offset == parts.chars


def test_a_page_says_in_words_and_for_programs_how_much_there_is() -> None:
    parts = parts_of([text("word " * 600)], isError=True, x=1, _meta={"theirs": 1})
    (first, _), *_, (last, _) = pages_of(parts)
    result = json.loads(result_of(first, parts, "CURSOR"))
    note = result["content"][-1]["text"]
    assert note == (
        "[Page of a longer result: characters 1 to 1,500 of 3,000. This is NOT all of it. To read on, call mesh_more with "
        '{"cursor": "CURSOR"}: it only reads, nothing is run again.]'
    )
    assert result["_meta"] == {
        "theirs": 1,
        PAGE_META: {"offset": 0, "chars": 1500, "total": 3000, "cursor": "CURSOR"},
    }
    assert (result["isError"], result["x"]) == (True, 1)
    result = json.loads(result_of(last, parts, ""))
    assert result["content"][-1]["text"] == (
        "[Page of a longer result: characters 1,501 to 3,000 of 3,000. This is the end of it.]"
    )
    assert result["_meta"] == {PAGE_META: {"offset": 1500, "chars": 1500, "total": 3000}}
    assert result.keys() == {"content", "_meta", "isError"}
    assert result["isError"] is True


def test_no_page_has_structured_content_which_some_clients_show_in_the_place_of_the_text() -> None:
    structured = {"rows": list(range(2_000))}
    for content in ([text(json.dumps(structured))], [text("a summary")], []):
        parts = parts_of(content, structuredContent=structured)
        pages = pages_of(parts)
        assert all("structuredContent" not in json.loads(result_of(page, parts, "")) for page, _ in pages)
        assert json.loads(together(pages)[-1]["text"]) == structured


PICTURE = {"type": "image", "data": "A" * 50_000, "mimeType": "image/png"}
LINK = {"type": "resource_link", "uri": "note://7", "name": "n", "description": "d" * 5_000}


def resource(said: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": "note://7", "mimeType": "text/plain", "text": said}}


def blocks_by_page(content: list[Any]) -> list[list[str]]:
    return [[block["type"] for block in written(page.blocks)] for page, _ in pages_of(parts_of(content))]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([text("a"), PICTURE, text("b"), PICTURE], [["text", "image", "text", "image"]]),
        ([text("a" * 2_000), PICTURE], [["text"], ["text", "image"]]),
        ([text("a"), LINK, text("b")], [["text"], ["resource_link"], ["text"]]),
        ([LINK, LINK], [["resource_link"], ["resource_link"]]),
        ([text("a" * 100), resource("b" * 1_390), text("c")], [["text"], ["resource", "text"]]),
        ([resource("b" * 3_000), text("c")], [["resource"], ["resource"], ["resource", "text"]]),
        ([text("a" * 1_000), text("b" * 1_000)], [["text"], ["text"]]),
        ([text("a" * 500), text("b" * 1_200)], [["text", "text"], ["text"]]),
        ([text("a" * 1_450), text("b" * 3_000)], [["text"], ["text"], ["text"]]),
    ],
    ids=[
        "pictures count for little",
        "a picture stays behind its text",
        "a link that is larger than a page stands alone",
        "each alone",
        "a resource goes to the next page whole",
        "a resource that is larger than a page is cut",
        "a text that would lose half a page goes to the next one",
        "a text that would lose more is cut",
        "little room is left",
    ],
)
def test_blocks_stay_whole_and_in_order_as_far_as_they_fit(content: list[Any], expected: list[list[str]]) -> None:
    assert blocks_by_page(content) == expected


def test_each_part_of_a_resource_says_which_one_it_is() -> None:
    for page, _ in pages_of(parts_of([resource("b" * 3_000)])):
        (block,) = written(page.blocks)
        assert {**block["resource"], "text": ""} == {"uri": "note://7", "mimeType": "text/plain", "text": ""}


def test_a_resource_whose_uri_alone_fills_a_page_is_not_cut() -> None:
    block = {"type": "resource", "resource": {"uri": "note://" + "u" * 3_000, "text": "t" * 3_000}}
    assert blocks_by_page([block]) == [["resource"]]


@pytest.mark.parametrize("place", [Place(2, 0), Place(1, 0), Place(0, 6), Place(7, 7)])
def test_a_place_that_is_not_in_the_result_has_no_page(place: Place) -> None:
    with pytest.raises(IndexError):
        page_from(parts_of([text("12345")]), place, BUDGET)
