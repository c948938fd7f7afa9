"""Where a text ends that goes on on the next page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.paging.cut import cut_at
from tests.edge.paging.results import TEXTS


@pytest.mark.parametrize(
    ("text", "limit", "end"),
    [
        ("a" * 50 + "\n" + "b" * 50, 60, 51),
        ("a" * 50 + "\r\n" + "b" * 50, 60, 52),
        ("a" * 10 + "\n" + "b" * 90, 60, 60),
        ("a" * 50 + " " + "b" * 50, 60, 51),
        ("a" * 50 + "," + "b" * 50, 60, 51),
        ("a" * 50 + "\u3000" + "b" * 50, 60, 51),
        ("a" * 100, 60, 60),
        ("a" * 100, 100, 100),
        ("a" * 100, 200, 100),
        ("ab\n", 3, 3),
    ],
)
def test_it_ends_after_a_line_a_word_or_an_item_that_is_near_and_else_at_the_limit(text: str, limit: int, end: int) -> None:
    assert cut_at(text, 0, limit) == end
    assert cut_at("x" * 7 + text, 7, 7 + limit) == 7 + end


FAMILY = "👩\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    "one",
    [
        "e\u0301",
        "e\u0301\u0323",
        "👍🏽",
        FAMILY,
        "🇩🇪",
        "\r\n",
        "❤\ufe0f",
        "ᄀ\u1161\u11a8",
        "각\u11a8",
        "क\u094d\u200d",
        " \u0301",
    ],
)
def test_what_people_take_for_one_character_is_not_cut_in_two(one: str) -> None:
    text = "x" * 40 + one + "y" * 40
    for limit in range(41, 40 + len(one)):
        assert cut_at(text, 0, limit) == 40, limit


def test_a_row_of_flags_is_cut_between_two_of_them() -> None:
    for limit in range(20, 30):
        assert cut_at("🇩🇪🇫🇷" * 20, 0, limit) % 2 == 0


def test_what_never_ends_is_cut_all_the_same() -> None:
    assert cut_at("a" + "\u0301" * 1_000, 0, 500) == 500
    assert cut_at("\u0301" * 1_000, 10, 11) == 11


@given(TEXTS, st.data())
def test_it_ends_behind_its_start_and_not_behind_its_limit(text: str, data: st.DataObject) -> None:
    if not text:
        return
    start = data.draw(st.integers(0, len(text) - 1))
    limit = data.draw(st.integers(start + 1, len(text) + 10))
    end = cut_at(text, start, limit)
    assert start < end <= min(limit, len(text))
    assert end == min(limit, len(text)) or 4 * (limit - end) <= limit - start + 4 or limit - end <= 32
