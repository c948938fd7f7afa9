"""Requests as tests have them built: a tool in a line of YAML, and what comes of it without a backend around it."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.workers.rest.written import AUTH, HEAD, V2
from workers.backends.rest.reader.loading import load_definition
from workers.backends.rest.request import Request
from workers.backends.rest.requests.plan import RequestPlan

BASE = "https://wx.example/api/v2"


def planned(directory: Path, block: str, *, base: str = BASE, defaults: str = "", **how: Any) -> RequestPlan:
    """The plan of the tool `{…}`; `defaults`: the block of that name."""
    path = directory / "wx.dadl"
    path.write_text(f"{V2}{HEAD}{AUTH}{f'  defaults: {defaults}' if defaults else ''}\n  tools:\n    x: {block}\n")
    found = load_definition(path)
    assert found.definition is not None, [str(problem) for problem in found.problems]
    return RequestPlan(found.definition.tools["x"], found.definition.headers, base, **how)


def tool_of(method: str, path: str, *params: str, **keys: str) -> str:
    """A tool in a line: `params` as they stand in the file, as `a: {type: string, in: query}`."""
    further = "".join(f", {key}: {value}" for key, value in keys.items())
    listed = ", ".join(params)
    return f"{{method: {method}, path: '{path}', access: read, description: A, params: {{{listed}}}{further}}}"


def query_of(request: Request) -> list[tuple[str, str]]:
    """Name and text of each member, in order."""
    return parse_qsl(request.url.raw_query_string, keep_blank_values=True, strict_parsing=True)
