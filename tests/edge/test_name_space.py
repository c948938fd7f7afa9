"""All names by which tools are listed and called, whatever comes first."""

import itertools
import json
import re
from typing import Any

import pytest

from edge.backend_names import BackendNames
from edge.name_space import NameSpace, name_space
from edge.shelf import Shelf
from shared.catalogue import Catalogue, define

PLAIN: dict[str, Any] = {"type": "object"}
HOPELESS: dict[str, Any] = {"type": "object", "properties": {f"a_long_name_{n}": {"type": "string"} for n in range(500)}}
SEARCH: dict[str, Any] = {"type": "object", "properties": {"query": {"type": "string"}}}
Tools = dict[str, Any]


def shelf_of(backend: str, tools: Tools) -> Shelf:
    definitions = (
        define(own, "read", json.dumps({"name": own, "inputSchema": schema}).encode()) for own, schema in tools.items()
    )
    return Shelf("default", Catalogue(backend=backend, at_ms=1, tools=tuple(definitions), hash="h"))


def backend_names(backend: str, tools: Tools, former: dict[str, str] | None = None, *others: str) -> BackendNames:
    return BackendNames(shelf_of(backend, tools), former or {}, (backend, *others))


def space(*names: BackendNames) -> NameSpace:
    return name_space({each.shelf.backend: each.shelf for each in names}, {each.shelf.backend: each for each in names})


def told(found: NameSpace) -> dict[str, str]:
    """Listed name → backend and the backend's own name."""
    return {name: f"{each.tool.backend}:{each.tool.definition.name}" for name, each in found.listed.items()}


def test_tools_are_listed_in_order_and_called_by_canonical_name_and_by_what_they_are_listed_by() -> None:
    found = space(backend_names("b", {"z": PLAIN, "x.y": PLAIN}), backend_names("a", {"n" * 70: PLAIN, "1": PLAIN}))
    assert list(found.listed) == sorted(found.listed)
    long = "a_" + "n" * 70
    (short,) = [name for name in found.listed if name.startswith("a_n")]
    assert re.fullmatch("a_n{53}_[0-9a-f]{8}", short)
    assert told(found) == {"a_1": "a:1", short: f"a:{'n' * 70}", "b_x_y": "b:x.y", "b_z": "b:z"}
    assert list(found.tools) == sorted(["a_1", long, "b_x.y", "b_z"])
    assert found.find(short) is found.find(long)
    assert found.find("b_x_y") is found.find("b_x.y")
    assert found.find("b_x_z") is None
    item = found.listed[short].item
    assert (item["name"], item["_meta"]["toolmesh/canonicalName"]) == (short, long)
    assert "toolmesh/canonicalName" not in found.listed["a_1"].item["_meta"]


def test_what_can_not_be_listed_can_be_called() -> None:
    found = space(backend_names("a", {"big": HOPELESS, "b.g": HOPELESS, "ok": PLAIN}))
    assert list(found.listed) == ["a_ok"]
    for name in ("a_big", "a_b.g", "a_b_g"):
        assert found.find(name) is not None


ALL = ("a", "a_b", "a_b_c")


def test_a_name_that_two_backends_have_is_that_of_the_longer_one_whichever_comes_first() -> None:
    names = [
        backend_names("a", {"b_x": PLAIN, "b_c_y": PLAIN, "b_only": PLAIN}, None, *ALL),
        backend_names("a_b", {"x": PLAIN, "c_y": PLAIN}, None, *ALL),
        backend_names("a_b_c", {"y": PLAIN}, None, *ALL),
    ]
    found = space(*names)
    listed = told(found)
    assert len(listed) == 6
    assert {name: whose for name, whose in listed.items() if not re.search("_[0-9a-f]{8}$", name)} == {
        "a_b_x": "a_b:x",
        "a_b_c_y": "a_b_c:y",
        "a_b_only": "a:b_only",
    }
    for name, whose in listed.items():
        tool = found.find(name)
        assert tool is not None
        assert f"{tool.backend}:{tool.definition.name}" == whose
    for order in itertools.permutations(names):
        assert told(space(*order)) == listed


def test_a_name_that_may_be_of_a_backend_that_was_not_heard_of_yet_is_nobodys() -> None:
    """Its tool must not come later under a name that clients know another one by."""
    before = space(backend_names("a", {"b_x": PLAIN}, None, "a_b"))
    (alias,) = before.listed
    assert before.find("a_b_x") is None
    assert re.fullmatch("a_b_x_[0-9a-f]{8}", alias)
    after = space(backend_names("a", {"b_x": PLAIN}, None, "a_b"), backend_names("a_b", {"z": PLAIN}, None, "a"))
    assert told(after)["a_b_x"] == "a:b_x"
    assert after.find(alias) is after.find("a_b_x"), "what it was called meanwhile goes on"


def test_names_of_the_mesh_itself_are_no_backends() -> None:
    found = space(
        backend_names("mesh", {"wait": PLAIN, "more": PLAIN, "other": PLAIN}), backend_names("execute", {"code": PLAIN})
    )
    assert {"mesh_wait", "mesh_more", "execute_code"}.isdisjoint({*found.listed, *found.tools, *found.aliases})
    assert sorted(told(found).values()) == ["execute:code", "mesh:more", "mesh:other", "mesh:wait"]


def test_a_former_name_is_called_and_not_listed() -> None:
    names = backend_names(
        "a", {"new": PLAIN, "taken": PLAIN}, {"old": "new", "o.ld": "new", "taken": "new", "lost": "gone"}
    )
    found = space(names)
    assert list(found.listed) == ["a_new", "a_taken"]
    for name in ("a_old", "a_o.ld", "a_o_ld"):
        assert found.find(name) is found.find("a_new")
    assert found.find("a_taken") is not found.find("a_new"), "a tool's own name wins"
    assert found.find("a_lost") is None
    assert names.without_effect == {"taken": "new", "lost": "gone"}
    assert names.find("old") is names.find("new") is not None
    assert "old" not in names.listed("plain")


def test_a_former_name_is_never_another_backends_nor_the_meshs() -> None:
    found = space(
        backend_names("a", {"n": PLAIN}, {"b_x": "n", "b_y": "n"}, "a_b"), backend_names("a_b", {"x": PLAIN}, None, "a")
    )
    assert found.find("a_b_x") is found.tools["a_b_x"]
    assert found.tools["a_b_x"].backend == "a_b"
    assert found.find("a_b_y") is found.find("a_n")
    assert space(backend_names("mesh", {"n": PLAIN}, {"wait": "n"})).find("mesh_wait") is None


def test_one_backend_is_shown_as_it_is_and_to_strict_clients_as_they_accept_it() -> None:
    names = backend_names("up", {"x.y": PLAIN, "big": HOPELESS, "ok": PLAIN, "n" * 70: PLAIN})
    assert list(names.listed("plain")) == ["big", "n" * 70, "ok", "x.y"]
    assert all(name == each.item["name"] for name, each in names.listed("plain").items())
    strict = names.listed("strict")
    (short,) = [name for name in strict if name.startswith("nn")]
    assert list(strict) == [short, "ok", "x_y"]
    for name, each in strict.items():
        assert each.item["name"] == name
        assert names.find(name) is each.tool
    assert names.listed("strict") is strict, "made once"


def test_what_has_a_name_of_openais_contract_and_other_arguments_goes_by_its_canonical_name_there() -> None:
    names = backend_names("up", {"search": PLAIN, "fetch": PLAIN, "up_fetch": PLAIN})
    assert list(names.listed("strict")) == ["fetch", "search", "up_fetch"]
    openai = {name: each.tool.definition.name for name, each in names.listed("openai").items()}
    (other,) = [name for name, own in openai.items() if own == "fetch"]
    assert re.fullmatch("up_fetch_[0-9a-f]{8}", other)
    assert openai == {"up_search": "search", other: "fetch", "up_fetch": "up_fetch"}
    for name, own in openai.items():
        assert names.find(name) is names.shelf.tools[own]
    assert list(backend_names("up", {"search": SEARCH}).listed("openai")) == ["search"]


@pytest.mark.parametrize("name", ["", "up_", "_", "up"])
def test_a_name_of_nothing_finds_nothing(name: str) -> None:
    assert space(backend_names("up", {"ok": PLAIN})).find(name) is None
