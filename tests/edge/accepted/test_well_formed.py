"""Members of a tool that are what MCP says that they are."""

from typing import Any

import pytest

from edge.accepted.well_formed import in_words, titled, well_formed

RIGHT: dict[str, Any] = {
    "title": "T",
    "description": "D",
    "outputSchema": {},
    "execution": {"taskSupport": "optional"},
    "icons": [{"src": "https://x.example/i.png", "x": 1}],
    "_meta": {"k": 1},
    "x-own": None,
}


def test_a_tool_that_is_right_is_left_as_it_is() -> None:
    assert well_formed(RIGHT) is RIGHT


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("title", 1),
        ("description", None),
        ("description", ["D"]),
        ("outputSchema", None),
        ("execution", "later"),
        ("icons", {"src": "x"}),
        ("icons", [{"src": 1}]),
        ("icons", ["x"]),
        ("_meta", []),
    ],
)
def test_a_member_of_another_type_is_dropped_and_the_others_stay(member: str, value: Any) -> None:
    assert well_formed(RIGHT | {member: value}) == {name: each for name, each in RIGHT.items() if name != member}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("create_issue", "Create issue"),
        ("listPullRequests", "List pull requests"),
        ("getURL_for.user-id", "Get URL for user id"),
        ("HTTPServer2", "HTTP server 2"),
        ("time", "Time"),
        ("a", "A"),
        ("__", ""),
        ("x.y", "X y"),
    ],
)
def test_a_name_in_words(name: str, title: str) -> None:
    assert in_words(name) == title


def test_a_title_is_the_tools_own_that_of_its_annotations_or_its_name_in_words() -> None:
    own = {"title": "Own", "annotations": {"title": "Other"}}
    assert titled(own, "n") is own
    assert titled({"annotations": {"title": "Other"}}, "n")["title"] == "Other"
    assert titled({"title": "", "annotations": {"title": 1}}, "do_it")["title"] == "Do it"
    assert titled({}, "do_it") == {"title": "Do it"}
    assert titled({}, "_") == {}
