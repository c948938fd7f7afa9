"""For every tool a request with arguments made of its schema goes to a real upstream, and is what the file declares: for a
file of our own with every construct, and for those that upstream publishes."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from tests.source_tree import ROOT
from tests.upstreams.invocations import Caller
from tests.upstreams.recorder import Recorded, Recorder, Reply, recording
from tests.upstreams.started import run
from tests.workers.rest.asked import Asked, FileSent
from tests.workers.rest.constructs import CONSTRUCTS
from tests.workers.rest.made import made
from tests.workers.rest.opened import opened
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.reader.loading import load_definition

PUBLISHED = ROOT.parent / "shared" / "dadl"
BASE_PATH = "/base/v1"
FILES = "/files/"
CONTENT = b"\x89PNG\r\n--\x00"


def answer(request: Recorded) -> Reply:
    """A file, or a failure: so that no answer is looked at, and no further page asked for."""
    if request.path.startswith(FILES):
        return Reply(200, CONTENT, {"Content-Type": "image/png"})
    return Reply(404, b"")


def arguments_of(tool: Tool, schema: dict[str, Any], url: str, *, every: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is given, and what of it is to arrive."""
    headers = [name for name, param in tool.params.items() if param.place == "header"]
    given = {name: value for name, value in made(schema, every=every, plain=headers).items() if name in tool.params}
    arriving = dict(given)
    for name in given:
        if tool.params[name].type == "file_url":
            given[name] = f"{url}{FILES}{name}%201.png?signed=1#x"
            arriving[name] = FileSent(f"{name} 1.png", "image/png", CONTENT)
    return given, arriving


async def check(caller: Caller, upstream: Recorder, definition: Definition) -> int:
    """All tools; how many requests were looked at."""
    number = 0
    for offered in (await caller.offer()).tools:
        tool = definition.tools.get(offered.name)
        if tool is None:
            continue  # a composite
        schema = msgspec.json.decode(offered.definition)["inputSchema"]
        validator = jsonschema_rs.validator_for(schema, offline=True)
        for every in (True, False):
            given, arriving = arguments_of(tool, schema, upstream.url, every=every)
            assert validator.is_valid(given), offered.name
            upstream.requests.clear()
            await caller.call(offered.name, given)
            *files, request = upstream.requests
            assert len(files) == sum(isinstance(value, FileSent) for value in arriving.values()), offered.name
            try:
                Asked(definition, tool, BASE_PATH, arriving).check(request)
            except AssertionError as wrong:
                raise AssertionError(f"{offered.name}: {request.raw!r}") from wrong
            number += 1
    return number


def ask_for_all(directory: Path, text: str) -> int:
    """All tools of a file with that text."""
    path = directory / "read.dadl"
    path.write_text(text, encoding="utf-8")
    definition = load_definition(path).definition
    assert definition is not None
    numbers = []

    async def test() -> None:
        async with recording(answer) as upstream:
            url = upstream.url + BASE_PATH
            async with opened(directory, text, url, allow_private_file_url=True) as caller:
                numbers.append(await check(caller, upstream, definition))

    run(test, timeout_s=120)
    assert numbers == [2 * len(definition.tools)]
    return numbers[0]


def test_every_tool_is_asked_for_as_it_is_declared(tmp_path: Path) -> None:
    assert ask_for_all(tmp_path, CONSTRUCTS) > 30


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.dadl")), ids=lambda path: path.stem)
def test_every_published_tool_is_asked_for_as_it_is_declared(tmp_path: Path, path: Path) -> None:
    assert ask_for_all(tmp_path, path.read_text(encoding="utf-8")) > 1
