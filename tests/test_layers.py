"""Imports run one way: toolmesh → edge, workers → shared; the names in the house mean something."""

from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions

import pytest

from tests.source_tree import BESIDE, ROOMS, Source, imported_modules, imported_names, sources

FORBIDDEN = {
    "edge": {
        "workers": "an edge names a job by a string of shared/keys.py",
        "toolmesh": "the operator's command imports the roles, never the other way",
        "aiohttp": "only workers talk to upstreams",
    },
    "workers": {
        "edge": "a worker knows the edge by the channel in the message",
        "toolmesh": "the operator's command imports the roles, never the other way",
        "mcp": "it costs a second and 40 MB in every worker",
        "starlette": "a worker has no public port",
        "uvicorn": "a worker has no public port",
    },
    "shared": {
        "edge": "shared is what both rooms import",
        "workers": "shared is what both rooms import",
        "toolmesh": "shared is what both rooms import",
        "mcp": "workers import shared",
        "starlette": "workers import shared",
        "uvicorn": "workers import shared",
    },
    "toolmesh": {},
}
"""Room → top-level package it may not import, and why."""

SDK_SEAMS = "edge/request_state.py"
MEANINGLESS = {"util", "utils", "helper", "helpers", "manager", "managers", "core", "common", "misc"}


def top(name: str) -> str:
    return name.partition(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_its_layer_may(room: str) -> None:
    sins = {
        f"{source.shown} imports {name}: {FORBIDDEN[room][top(name)]}"
        for source in sources(room)
        for name in imported_names(source)
        if top(name) in FORBIDDEN[room]
    }
    assert not sins, "\n".join(sorted(sins))


def test_no_room_imports_tests_or_bench() -> None:
    sins = {
        f"{source.shown} imports {name}"
        for source in sources(*ROOMS)
        for name in imported_names(source)
        if top(name) in BESIDE
    }
    assert not sins, "\n".join(sorted(sins))


def test_the_provisional_seams_of_the_sdk_are_touched_in_one_module() -> None:
    sins = {
        f"{source.shown} imports {name}"
        for source in sources(*ROOMS)
        for name in imported_names(source)
        if (name + ".").startswith("mcp.server.") and source.shown != SDK_SEAMS
    }
    assert not sins, f"only {SDK_SEAMS} may:\n" + "\n".join(sorted(sins))


def test_there_is_no_import_cycle() -> None:
    everything = sources(*ROOMS, "bench")
    known = frozenset(source.module for source in everything)
    graph = {source.module: imported_modules(source, known) for source in everything}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" → ".join(reversed(cycle.args[1])))


def test_no_module_is_named_like_a_dependency() -> None:
    """A script that is run from its folder would find the module in place of the dependency."""
    theirs = {name for name, owners in packages_distributions().items() if set(owners) != {"toolmesh"}}
    sins = {source.shown for source in sources(*ROOMS) if own_name(source) in theirs}
    assert not sins, sins


def test_every_module_is_named_for_what_it_is() -> None:
    sins = {
        source.shown
        for source in sources(*ROOMS, *BESIDE)
        if MEANINGLESS & set(own_name(source).removeprefix("test_").split("_"))
    }
    assert not sins, sins


def test_the_tests_mock_nothing() -> None:
    sins = {
        f"{source.shown} imports {name}"
        for source in sources("tests")
        for name in imported_names(source)
        if (name + ".").startswith(("unittest.mock.", "mock.", "pytest_mock."))
    }
    assert not sins, "\n".join(sorted(sins))


def own_name(source: Source) -> str:
    return source.module.rpartition(".")[2]
