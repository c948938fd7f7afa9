"""What paths of a DADL file mean in a document."""

from typing import Any

import pytest

from workers.backends.rest.dadl.json_path import parse_json_path
from workers.backends.rest.selecting import NotThere, select, written

DOCUMENT = {
    "data": {"rows": [{"id": 1, "tags": ["a", "b"]}, {"id": 2}, "x", {"id": None}], "none": None},
    "0": "zero",
    "a b": {"it's": True},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.data.rows[0].id", 1),
        ("$.data.rows[-1].id", None),
        ("$.data.none", None),
        ("$['0']", "zero"),
        ("$['a b']['it\\'s']", True),
        ("$.data.rows[*].id", [1, 2, None]),
        ("$.data.rows[*].tags[*]", ["a", "b"]),
        ("$.data.rows[0].*", [1, ["a", "b"]]),
        ("$.data.rows[*].nothing", []),
        ("$.data.none[*]", []),
    ],
)
def test_a_path_finds(path: str, found: Any) -> None:
    assert select(parse_json_path(path), DOCUMENT) == found


def test_the_whole_document_is_the_document() -> None:
    assert select((), DOCUMENT) is DOCUMENT


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("$.data.row", "`$.data` has no member `row`"),
        ("$.data.rows.id", "`$.data.rows` is an array, not an object"),
        ("$.data.rows[4]", "`$.data.rows` has 4 items, and none at 4"),
        ("$.data.rows[-5]", "`$.data.rows` has 4 items, and none at -5"),
        ("$.data.none.x", "`$.data.none` is null, not an object"),
        ("$[0]", "`$` is an object, not an array"),
        ("$['a b']['it\\'s'].x", "`$['a b']['it\\'s']` is a boolean, not an object"),
        ("$['0'][0]", "`$['0']` is a text, not an array"),
        ("$.data.rows[0].id.x", "`$.data.rows[0].id` is a number, not an object"),
    ],
)
def test_a_path_that_finds_nothing_says_where_it_ends(path: str, told: str) -> None:
    with pytest.raises(NotThere) as raised:
        select(parse_json_path(path), DOCUMENT)
    assert str(raised.value) == told


@pytest.mark.parametrize("path", ["$", "$.a.b", "$[0][-1]", "$[*].x", "$['a b']['it\\'s']", "$['x.y']"])
def test_a_path_is_written_as_it_can_be_read(path: str) -> None:
    assert written(parse_json_path(path)) == path
