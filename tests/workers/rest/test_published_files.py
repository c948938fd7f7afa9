"""The files that upstream publishes run unmodified: all are read, and clients accept every tool of theirs."""

import jsonschema_rs
import msgspec
import pytest

from edge.accepted.definition import accept
from edge.accepted.limits import USUAL
from tests.source_tree import ROOT
from workers.backends.rest.reader.loading import Loaded, load_definition
from workers.backends.rest.tools.introduction import introduction
from workers.backends.rest.tools.offering import tools_of

PUBLISHED = ROOT.parent / "shared" / "dadl"


@pytest.fixture(scope="module")
def published() -> dict[str, Loaded]:
    files = sorted(PUBLISHED.glob("*.dadl"))
    if not files:
        pytest.skip("there are no published DADL files beside the project (../shared/dadl)")
    return {path.stem: load_definition(path) for path in files}


def test_each_is_read_without_an_error(published: dict[str, Loaded]) -> None:
    errors = [str(p) for found in published.values() for p in found.problems if p.severity == "error"]
    assert errors == []
    assert all(found.definition is not None for found in published.values())


def test_each_tool_has_a_schema_that_compiles_and_is_listed(published: dict[str, Loaded]) -> None:
    number, refused = 0, []
    for name, found in published.items():
        assert found.definition is not None
        for tool in tools_of(found.definition):
            number += 1
            described = msgspec.json.decode(tool.definition)
            jsonschema_rs.validator_for(described["inputSchema"], offline=True)
            if reason := accept(described, tool.definition, USUAL).refused:
                refused.append(f"{name} {tool.name}: {reason}")
    assert refused == []
    assert number > 1_000


def test_each_says_of_itself_what_it_is(published: dict[str, Loaded]) -> None:
    for found in published.values():
        assert found.definition is not None
        said = msgspec.json.decode(introduction(found.definition))
        assert said["instructions"].startswith(found.definition.description)


def test_a_parameter_called_on_is_one(published: dict[str, Loaded]) -> None:
    found = [f.definition for f in published.values() if f.definition is not None]
    names = {name for definition in found for tool in definition.tools.values() for name in tool.params}
    assert "on" in names
    assert not {"True", "true"} & names
