"""A tool `rows` that gives a list, and upstreams that give it page by page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.upstreams.recorder import Answers, Recorded, Recorder, Reply, recording
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from tests.workers.rest.written import V2

PATH = ', response: {result_path: "$.rows"}'


def rows_file(pagination: str, more: str = PATH, method: str = "GET") -> str:
    """A file with that `pagination` and further keys of the tool."""
    tool = f"{{method: {method}, path: /rows, access: read, description: R, pagination: {{{pagination}}}{more}}}"
    return f"{V2}backend:\n  name: wx\n  type: rest\n  description: W\n  tools:\n    rows: {tool}\n"


class Given:
    """What a call gave."""

    def __init__(self, result: dict[str, Any], upstream: Recorder) -> None:
        self.result = result
        self.upstream = upstream

    @property
    def document(self) -> Any:
        """The first text, which is nothing but data."""
        return msgspec.json.decode(self.text)

    @property
    def text(self) -> str:
        return str(self.result["content"][0]["text"])

    @property
    def note(self) -> str:
        """What is said beside it; empty for nothing."""
        blocks = self.result["content"][1:]
        assert len(blocks) <= 1
        return str(blocks[0]["text"]) if blocks else ""

    @property
    def next(self) -> Any:
        """The arguments for the next page, as programs are told them; None for none."""
        return self.result.get("_meta", {}).get("toolmesh/next")

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(request.query) for request in self.upstream.requests]


def rows(directory: Path, answers: Answers, dadl: str, arguments: dict[str, Any] | None = None, **how: Any) -> Given:
    """One call."""
    found: list[Given] = []
    settings = how.pop("settings", {})

    async def test() -> None:
        async with recording(answers) as upstream, opened(directory, dadl, upstream.url, settings=settings) as caller:
            result = await caller.call("rows", arguments or {}, **({"access": "read"} | how))
            found.append(Given(msgspec.json.decode(result), upstream))

    run(test)
    return found[0]


def asked(request: Recorded) -> dict[str, str]:
    """The query."""
    return dict(request.query)


def replying(value: Callable[[dict[str, str]], Any], **headers: str) -> Answers:
    """JSON by the query; headers with `_` for `-`."""
    named = {name.replace("_", "-"): said for name, said in headers.items()}
    return lambda request: Reply(200, msgspec.json.encode(value(asked(request))), named)
