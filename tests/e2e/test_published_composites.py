"""Every composite of the files that upstream publishes runs unmodified, in a real mesh, before an API on a real port."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from tests.client import Client
from tests.e2e.script_samples import Answers, answers_for, arguments_for
from tests.mesh import mesh, wait_until
from tests.source_tree import ROOT
from tests.upstreams.recorder import Recorded, Reply
from tests.upstreams.recorder_thread import recorder_thread
from tests.workers.rest.samples import wrapped
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.reader.composite_scan import called_tools
from workers.backends.rest.reader.loading import load_definition

PUBLISHED = ROOT.parent / "shared" / "dadl"
_PLACE = re.compile(r"\\\{\w+\\\}")


@dataclass
class Api:
    """Answers for the tools of one file at a time, as a test wants it. Mutable."""

    tools: dict[str, Tool] = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    called: set[str] = field(default_factory=set)

    def __call__(self, request: Recorded) -> Reply:
        path = "/" + request.path.split("/", 2)[2]
        for name, document in self.answers.items():
            tool = self.tools[name]
            if tool.method == request.method and re.fullmatch(_PLACE.sub("[^/]+", re.escape(tool.path)), path):
                self.called.add(name)
                return Reply(body=wrapped(document, tool.response.result_path))
        return Reply(404)


@dataclass
class Published:
    """The mesh, and what is in the files."""

    edge: Client
    api: Api
    definitions: dict[str, Definition]

    def uncovered(self, backend: str, name: str) -> set[str] | None:
        """Tools that the composite never called in a run that ended well; None where no run did."""
        definition = self.definitions[backend]
        composite = definition.composites[name]
        wanted = {each.text for each in called_tools(composite.code)}
        missing: set[str] | None = None
        for answers, arguments in product(answers_for(composite, definition.tools), list(arguments_for(composite))):
            self.api.tools, self.api.answers, self.api.called = definition.tools, answers, set()
            answer = self.edge.call(f"{backend}_{name}", arguments)
            if not answer["result"].get("isError"):
                missing = (wanted if missing is None else missing) - self.api.called
            if missing == set():
                break
        return missing


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    found = {path: load_definition(path).definition for path in sorted(PUBLISHED.glob("*.dadl"))}
    definitions = {path.stem: each for path, each in found.items() if each is not None and each.composites}
    if not definitions:
        pytest.skip("there are no published DADL files beside the project (../shared/dadl)")
    api = Api()
    with recorder_thread(api) as upstream:
        entries = [
            f"  - {{name: {name}, transport: rest, dadl: {name}.dadl, url: '{upstream.url}/{name}'}}\n"
            for name in definitions
        ]
        environment: dict[str, Any] = {"TOOLMESH_DADL_DIR": str(PUBLISHED), "TOOLMESH_DIRECT_TOOLS": "2000"}
        with mesh(tmp_path_factory.mktemp("published"), "backends:\n" + "".join(entries), **environment) as running:
            running.start_worker()
            edge = running.start_edge()
            names = {f"{backend}_{name}" for backend, each in definitions.items() for name in each.composites}
            wait_until(lambda: names <= set(edge.tool_names()), "all composites are listed")
            yield Published(edge, api, definitions)


def test_each_runs_and_calls_every_tool_that_it_names(published: Published) -> None:
    all_of_them = [(backend, name) for backend, each in published.definitions.items() for name in each.composites]
    missing = {f"{backend} {name}": published.uncovered(backend, name) for backend, name in all_of_them}
    assert {name: left for name, left in missing.items() if left is None or left} == {}
    assert len(missing) > 20
