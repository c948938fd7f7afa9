"""Tools that the operator promoted: by which names they are listed and called."""

import pytest

from edge.backend_names import BackendNames
from edge.name_space import NameSpace, name_space
from edge.names import OWN_NAMES, SEARCH_FETCH
from edge.promotion import RESERVED, Promotion
from edge.shelf import Shelf
from shared.catalogue import Catalogue, define
from shared.configuration import BackendEntry
from tests.edge.discovery.some_tools import Described, There, tool

DEFINED = b'{"inputSchema":{"type":"object"}}'
TEXT = {"type": "string"}
CONTRACT = tool("Searches.", query=TEXT, required=["query"])


def entry(name: str, *exposed: str) -> BackendEntry:
    return BackendEntry(name=name, transport="echo", expose_tools=exposed)


def test_a_promoted_tool_that_was_renamed_is_still_called_by_its_bare_name_where_the_old_one_is_kept() -> None:
    promotion = Promotion([entry("git", "before")])
    shelf = Shelf("default", Catalogue(backend="git", at_ms=1, tools=(define("now", "read", DEFINED),), hash="h"))
    names = BackendNames(shelf, {"before": "now"}, ("git",), promotion)
    space = name_space({"git": shelf}, {"git": names})
    assert space.find("before") is space.find("git_before") is space.find("git_now") is not None
    assert list(space.promoted) == []
    assert names.promoted.unknown == ("before",)


def promoted(
    entries: list[BackendEntry], ours: frozenset[str] = OWN_NAMES, **backends: dict[str, Described]
) -> tuple[NameSpace, dict[str, BackendNames]]:
    there = There()
    names = there.change(Promotion(entries, ours), **backends)
    return there.name_space, names


def test_a_promoted_tool_is_listed_once_by_its_bare_name_and_called_by_both() -> None:
    space, names = promoted([entry("git", "find", "gone")], git={"find": tool(), "list": tool()})
    assert list(space.promoted) == ["find"]
    assert space.promoted["find"].item["_meta"]["toolmesh/canonicalName"] == "git_find"
    assert space.find("find") is space.find("git_find") is space.promoted["find"].tool
    assert space.find("list") is None
    assert list(space.listed) == ["git_find", "git_list"]
    assert (names["git"].promoted.unknown, names["git"].promoted.demoted) == (("gone",), {})


@pytest.mark.parametrize(
    ("own", "described", "why"),
    [
        *((name, tool(), "OpenAI has a tool") for name in sorted(RESERVED)),
        ("mesh_wait", tool(), "the mesh has a tool"),
        ("discover_tools", tool(), "the mesh has a tool"),
        ("search", tool(), "expect another tool"),
        ("fetch", tool(id={"type": "integer"}), "expect another tool"),
        ("a.b", tool(), "clients refuse"),
        ("n" * 65, tool(), "clients refuse"),
        ("other_list", tool(), "whole name of another tool"),
        ("git_list", tool(), "whole name of another tool"),
        ("both", tool(), "another backend exposes"),
    ],
)
def test_what_stands_in_the_way_of_a_bare_name_leaves_the_whole_one(own: str, described: Described, why: str) -> None:
    entries = [entry("git", own), entry("other", "both")]
    space, names = promoted(entries, git={own: described, "list": tool()})
    (listed,) = space.promoted
    assert space.promoted[listed].tool is space.find(f"git_{own}")
    assert listed != own
    assert why in names["git"].promoted.demoted[own]
    found = space.find(own)
    assert found is None or found.name == own


def test_a_search_that_keeps_openai_s_contract_is_promoted_unless_the_mesh_answers_to_it_itself() -> None:
    space, _ = promoted([entry("git", "search")], git={"search": CONTRACT})
    assert list(space.promoted) == ["search"]
    space, names = promoted([entry("git", "search")], OWN_NAMES | SEARCH_FETCH, git={"search": CONTRACT})
    assert list(space.promoted) == ["git_search"]
    assert "the mesh has a tool" in names["git"].promoted.demoted["search"]


def test_a_name_does_not_depend_on_which_backends_were_heard_of() -> None:
    entries = [entry("git", "both"), entry("other", "both")]
    alone, _ = promoted(entries, git={"both": tool()})
    beside, _ = promoted(entries, git={"both": tool()}, other={"both": tool()})
    assert list(alone.promoted) == ["git_both"]
    assert list(beside.promoted) == ["git_both", "other_both"]


def test_what_can_not_be_listed_is_not_listed_by_a_bare_name_either() -> None:
    hopeless = tool(**{f"a_long_name_{n}": TEXT for n in range(500)})
    space, _ = promoted([entry("git", "big")], git={"big": hopeless})
    assert (list(space.promoted), list(space.listed)) == ([], [])
