"""Every `transform` of the files that upstream publishes does its work on a document with what it names."""

import msgspec
import pytest
import yarl

from shared.configuration import BackendEntry
from shared.errors import MeshError
from shared.line import RedisLine
from shared.mesh_keys import parse_key_ring
from shared.settings import Settings
from tests.mesh import mesh_keys
from tests.source_tree import ROOT
from tests.upstreams.invocations import invocation
from tests.upstreams.started import run
from tests.workers.rest.opened import NO_BROKER
from tests.workers.rest.samples import LEAF, samples, wrapped
from workers.backends.rest.answer import Answer, Content
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.failed import Failed
from workers.backends.rest.reader.loading import load_definition
from workers.backends.rest.response.pipeline import Pipeline
from workers.blobs import Blobs
from workers.children.opened import open_children
from workers.children.transforms import Transforms
from workers.equipment import Equipment
from workers.masking import Mask

PUBLISHED = ROOT.parent / "shared" / "dadl"


@pytest.fixture(scope="module")
def transforming() -> dict[str, Tool]:
    """The tools that have one, by file and name."""
    found: dict[str, Tool] = {}
    for path in sorted(PUBLISHED.glob("*.dadl")):
        definition = load_definition(path).definition
        assert definition is not None
        tools = definition.tools.items()
        found |= {f"{path.stem} {name}": tool for name, tool in tools if tool.response.transform is not None}
    if not found:
        pytest.skip("there are no published DADL files beside the project (../shared/dadl)")
    return found


def test_each_gives_what_it_names_of_some_document_in_which_that_is(transforming: dict[str, Tool]) -> None:
    async def test() -> None:
        settings = Settings(transform_timeout_s=10.0)
        children = open_children(settings)
        line = RedisLine(NO_BROKER, pending_max=10, timeout_s=1.0)
        equipment = Equipment(children=children, line=line, ring=parse_key_ring(mesh_keys()))
        blobs = Blobs(BackendEntry(name="wx", transport="rest"), settings, equipment)
        pipeline = Pipeline(Transforms(children, settings), blobs, Mask(tuple))
        try:
            unmoved = {name: why for name, tool in transforming.items() if (why := await _refused(pipeline, tool))}
        finally:
            await children.close()
        assert unmoved == {}
        assert len(transforming) > 50

    run(test)


async def _refused(pipeline: Pipeline, tool: Tool) -> list[str]:
    """Why none of the samples gave anything; empty where one did."""
    said: list[str] = []
    for sample in samples(tool.response.transform or ""):
        body = wrapped(sample, tool.response.result_path)
        answer = Answer(status=200, headers={}, body=body, url=yarl.URL("http://127.0.0.1/"))
        try:
            result = await pipeline.result(Content(answer=answer, body=body), tool, invocation("tool"), None)
        except (Failed, MeshError) as error:
            said.append(str(error))
            continue
        text = msgspec.json.decode(result)["content"][0]["text"]
        if LEAF in text:
            return []
        said.append(text[:200])
    return said
