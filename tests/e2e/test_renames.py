"""Tools that are renamed or removed while connectors hold on to the list that they got: told once, whichever edge notices,
over a restart of all of them too, and never because something was away for a moment."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared import keys
from tests.client import Client
from tests.e2e.unusual_mesh import Unusual, tool, unusual_mesh
from tests.mesh import wait_until

READ = {"annotations": {"readOnlyHint": True}}
FIND, LIST, DROP = (tool(name, {"properties": {name: {}}}, description=name, **READ) for name in ("find", "list", "drop"))
EVENT = "listed names are gone"
QUICK = {"TOOLMESH_LISTED_SETTLE_S": "0.4", "TOOLMESH_UPSTREAM_RELIST_S": "0.2"}


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unusual]:
    backends = {"crm": [FIND, LIST, DROP], "other": [tool("one", **READ)]}
    more = {"crm": ", aliases: {before: list}"}
    with unusual_mesh(tmp_path_factory.mktemp("crm"), backends, more, **QUICK) as found:
        for edge in (found.a, found.b):
            found.running.wait_for_tools(edge, "crm_find", "crm_list", "crm_drop", "other_one")
        yield found


def renamed(definition: dict[str, Any], name: str) -> dict[str, Any]:
    return definition | {"name": name}


def told(crm: Unusual) -> list[dict[str, Any]]:
    return crm.logged(EVENT, range(len(crm.running.edges)))


def remembered(crm: Unusual, name: str) -> bool:
    """Whether the record of the names knows this one. Encryption is off."""
    with crm.running.broker.client() as client:
        return name.encode() in (client.get(keys.listed_names("crm")) or b"")


def lists(edge: Client, *names: str) -> bool:
    return {f"crm_{name}" for name in names} == {name for name in edge.tool_names() if name.startswith("crm_")}


def take(crm: Unusual, *tools: dict[str, Any]) -> None:
    """Have the server list these, and both edges too."""
    crm.write("crm", tools)
    live = [client for (process, _), client in zip(crm.running.edges, crm.running.clients, strict=True) if process.running]
    names = [each["name"] for each in tools]
    wait_until(lambda: all(lists(edge, *names) for edge in live), f"{names} are listed")


def versions(*edges: Client) -> set[str]:
    return {edge.request("tools/list")["result"]["_meta"]["toolmesh/listVersion"] for edge in edges}


def test_what_was_away_for_a_moment_is_not_gone(crm: Unusual) -> None:
    """It would be told before the next test's names are remembered."""
    wait_until(lambda: remembered(crm, "crm_drop"), "the names are remembered")
    (before,) = versions(crm.a, crm.b)
    take(crm)
    crm.running.workers[0].kill()
    crm.write("crm", [FIND, LIST, DROP])
    crm.running.start_worker()
    wait_until(lambda: lists(crm.a, "find", "list", "drop") and lists(crm.b, "find", "list", "drop"), "all are listed")
    wait_until(lambda: crm.a.succeeds("crm_find", {}), "a worker serves them again")
    assert versions(crm.a, crm.b) == {before}
    assert told(crm) == []


def test_a_rename_is_told_once_with_a_guess_and_what_to_do(crm: Unusual) -> None:
    before = versions(crm.a)
    take(crm, renamed(FIND, "search"), LIST)
    assert versions(crm.a) == versions(crm.b) != before
    wait_until(lambda: remembered(crm, "crm_search"), "the new names are remembered")
    wait_until(lambda: told(crm), "it is told")
    (warning,) = told(crm)
    assert (warning["level"], warning["backend"], warning["count"]) == ("warning", "crm", 2)
    assert warning["names"] == ["crm_drop", "crm_find"]
    assert warning["renamed"] == {"find": "search"}
    assert "must press Refresh" in warning["hint"]
    assert "`aliases: {before: list, find: search}`" in warning["hint"]


def test_a_name_that_the_operator_keeps_is_not_gone(crm: Unusual) -> None:
    """`before` leads to `list`; a tool that was really called that may go."""
    count = len(told(crm))
    take(crm, renamed(FIND, "search"), LIST, renamed(DROP, "before"))
    wait_until(lambda: remembered(crm, "crm_before"), "it is remembered")
    take(crm, renamed(FIND, "search"), LIST)
    assert crm.a.succeeds("crm_before", {})
    take(crm, renamed(FIND, "look"), LIST)
    wait_until(lambda: remembered(crm, "crm_look"), "it is remembered")
    wait_until(lambda: len(told(crm)) > count, "it is told")
    (warning,) = told(crm)[count:]
    assert warning["names"] == ["crm_search"]


def test_a_rename_while_no_edge_runs_is_told_by_one_that_starts(crm: Unusual) -> None:
    count = len(told(crm))
    for process, _ in crm.running.edges:
        process.stop()
    crm.write("crm", [renamed(FIND, "query"), LIST])
    fresh = [crm.running.start_edge(), crm.running.start_edge()]
    wait_until(lambda: all(lists(edge, "query", "list") for edge in fresh), "both list it")
    wait_until(lambda: remembered(crm, "crm_query"), "it is remembered")
    wait_until(lambda: len(told(crm)) > count, "it is told")
    take(crm, renamed(FIND, "last"), LIST)
    wait_until(lambda: len(told(crm)) > count + 1, "the next one is told")
    assert [each["renamed"] for each in told(crm)[count:]] == [{"look": "query"}, {"query": "last"}]
