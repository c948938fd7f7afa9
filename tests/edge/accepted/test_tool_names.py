"""What tools of several backends are called in one name space."""

import re

from edge.accepted.tool_names import tool_names

DIGEST = "_[0-9a-f]{8}"


def test_a_tool_that_fits_is_called_by_its_canonical_name() -> None:
    found = tool_names("git", ["create_issue", "a-b"], ["echo", "git"])
    assert (found.alias, found.contested) == ({}, {})


def test_bad_characters_are_replaced_and_long_names_shortened() -> None:
    found = tool_names("git", ["issues.create", "x" * 100], ["git"])
    assert found.alias["issues.create"] == "git_issues_create"
    assert re.fullmatch("git_x{51}" + DIGEST, found.alias["x" * 100])


def test_a_name_of_the_mesh_itself_is_nobody_else_s() -> None:
    for backend, own in (("mesh", "wait"), ("mesh", "more"), ("discover", "tools"), ("execute", "code")):
        assert re.fullmatch(f"{backend}_{own}{DIGEST}", tool_names(backend, [own], [backend]).alias[own])
    assert re.fullmatch("execute_code" + DIGEST, tool_names("execute", [".code", "code"], ["execute"]).alias["code"])


def test_a_name_that_may_be_another_backends_is_contested_and_has_an_alias() -> None:
    found = tool_names("a", ["b_c", "b_c_d", "bc", "b.c"], ["a", "a_b", "a_b_c", "b"])
    assert found.contested == {"b_c": ("a_b",), "b_c_d": ("a_b", "a_b_c")}
    assert re.fullmatch("a_b_c" + DIGEST, found.alias["b_c"])
    assert re.fullmatch("a_b_c" + DIGEST, found.alias["b.c"]), "what would become another's name is none"
    assert found.alias["b_c"] != found.alias["b.c"]
    assert "bc" not in found.alias
    assert tool_names("a_b", ["c"], ["a", "a_b", "b"]).contested == {}


def test_names_do_not_depend_on_the_order_of_backends_or_tools() -> None:
    tools, backends = ["b_c", "x.y", "x/y", "n" * 90], ["a", "a_b", "zz"]
    assert tool_names("a", tools[::-1], backends[::-1]) == tool_names("a", tools, backends)


def test_two_tools_of_one_canonical_name_never_share_an_alias() -> None:
    one = tool_names("a", ["b_" + "x" * 70], ["a", "a_b"])
    other = tool_names("a_b", ["x" * 70], ["a", "a_b"])
    assert set(one.alias.values()).isdisjoint(other.alias.values())
