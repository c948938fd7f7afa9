"""What a script calls tools by."""

import pytest

from edge.discovery.called import Called
from edge.discovery.js_names import is_identifier, js_name
from edge.tool import Tool
from shared.errors import UnknownTool
from tests.edge.discovery.some_tools import There, tool


def anybody(found: Tool) -> bool:
    return True


@pytest.mark.parametrize(
    ("name", "expected"),
    [("github_list", "github_list"), ("git-hub_a.b", "git_hub_a_b"), ("$a", "$a"), ("ä_b", "__b"), ("a\u2028b", "a_b")],
    ids=["plain", "signs", "dollar", "letter", "separator"],
)
def test_what_javascript_can_not_write_becomes_an_underscore(name: str, expected: str) -> None:
    assert js_name(name) == expected


@pytest.mark.parametrize(("name", "fits"), [("a1", True), ("1a", False), ("", False), ("a b", False), ("a\n", False)])
def test_an_identifier_is_told_from_what_has_to_be_quoted(name: str, fits: bool) -> None:
    assert is_identifier(name) is fits


def called(there: There) -> Called:
    return Called(there.name_space)


def test_a_tool_is_found_by_its_name_and_as_javascript_has_it() -> None:
    found = called(There(b={"get-it": tool()}))
    by_name, by_js = found.find("b_get-it", anybody), found.find("b_get_it", anybody)
    assert by_name is by_js
    assert by_name is not None
    assert by_name.name == "b_get-it"
    assert found.find("b_get.it", anybody) is None


def test_a_name_that_may_be_several_tools_is_refused_with_all_of_them() -> None:
    found = called(There(b={"get-it": tool(), "get.it": tool()}))
    with pytest.raises(UnknownTool, match=r'several.*toolmesh\["b_get-it"\], toolmesh\["b_get\.it"\]'):
        found.find("b_get_it", anybody)
    assert found.find("b_get-it", anybody) is not None


def test_a_tool_that_has_the_name_itself_wins_over_one_that_has_it_in_javascript() -> None:
    found = called(There(b={"get-it": tool(), "get_it": tool()}))
    meant = found.find("b_get_it", anybody)
    assert meant is not None
    assert meant.name == "b_get_it"


def test_what_the_caller_may_not_use_makes_no_name_ambiguous_and_is_not_named() -> None:
    found = called(There(b={"get-it": tool(), "get.it": tool(), "get_it": tool()}))

    def but_one(each: Tool) -> bool:
        return each.name == "b_get-it"

    assert found.meant("b_get_it", but_one) == ["b_get-it"]
    assert found.find("b_get.it", but_one) is None
    with pytest.raises(UnknownTool) as refused:
        found.find("b_get_it", lambda each: each.name != "b_get_it")
    assert '"b_get_it"' not in refused.value.detail


def test_a_tool_whose_name_is_the_mesh_s_own_is_called_by_the_other_one() -> None:
    there = There(mesh={"wait": tool(), "look": tool()})
    found = called(there)
    assert "mesh_wait" not in found.tools
    (other,) = set(found.tools) - {"mesh_look"}
    assert found.find(js_name(other), anybody) is found.tools[other]
    assert found.name_of(found.tools[other]) == other
