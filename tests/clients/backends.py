"""The servers behind the mesh of the matrix: others' servers on every transport, and what a client does at each."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.clients import node
from tests.clients.visit import Ask, Visit
from tests.mesh import Process, free_port, wait_until

EVERYTHING = "@modelcontextprotocol/server-everything"
FILESYSTEM = "@modelcontextprotocol/server-filesystem"
_PAGE = "demo://resource/static/document/features.md"

_NPM = Visit(
    tool=Ask(name="get-sum", arguments={"a": 40, "b": 2}, said="42"),
    progress=Ask(name="trigger-long-running-operation", arguments={"duration": 0.2, "steps": 4}, said="Steps: 4", steps=4),
    prompt=Ask(name="args-prompt", arguments={"city": "Oslo"}, said="weather in Oslo"),
    resource=Ask(name=_PAGE, said="Everything Server"),
)
_PYTHON = Visit(
    tool=Ask(name="echo", arguments={"message": "hello from afar"}, said="hello from afar"),
    progress=Ask(name="slow_progress", arguments={"steps": 3, "step_ms": 20}, said="3 steps", steps=3),
)
_FILES = Visit(tool=Ask(name="read_text_file", arguments={}, said="kept for the matrix"))
VISITS = {
    "echo": Visit(tool=Ask(name="add", arguments={"a": 40, "b": 2}, said="42")),
    "python": _PYTHON,
    "python-2025": _PYTHON,
    "npm-http": _NPM,
    "npm-sse": _NPM,
    "npm-stdio": _NPM,
    "npm-files": _FILES,
}
"""What to do at each backend, by its name in backends.yaml."""


@dataclass(frozen=True)
class Servers:
    """The running ones; those on stdio are started by the workers."""

    backends: str
    """The text of backends.yaml."""
    visits: dict[str, Visit]


@dataclass(frozen=True)
class _Http:
    """A server on a port of its own."""

    name: str
    port: int
    path: str
    command: list[str]
    environment: dict[str, str] | None = None

    @property
    def entry(self) -> str:
        return f"  - {{name: {self.name}, transport: http, url: 'http://127.0.0.1:{self.port}/{self.path}'}}\n"

    def accepts(self) -> bool:
        try:
            httpx2.get(f"http://127.0.0.1:{self.port}/", trust_env=False)
        except httpx2.TransportError:
            return False
        return True


@contextmanager
def servers(directory: Path) -> Iterator[Servers]:
    """Start what is not on stdio."""
    kept = directory / "files" / "kept.txt"
    kept.parent.mkdir()
    kept.write_text("kept for the matrix")
    reading = Ask(name="read_text_file", arguments={"path": str(kept)}, said="kept for the matrix")
    on_http = [
        _python("python"),
        _python("python-2025", "--era", "legacy"),
        _npm("npm-http", "mcp", "streamableHttp"),
        _npm("npm-sse", "sse", "sse"),
    ]
    on_stdio = [
        _stdio("npm-stdio", [*node.command(EVERYTHING, "dist/index.js"), "stdio"]),
        _stdio("npm-files", [*node.command(FILESYSTEM, "dist/index.js"), str(kept.parent)]),
    ]
    with ExitStack() as stack:
        for server in on_http:
            stack.callback(Process(server.command, directory / f"{server.name}.log", server.environment).kill)
        for server in on_http:
            wait_until(server.accepts, f"{server.name} accepts connections")
        entries = [*(server.entry for server in on_http), *on_stdio]
        yield Servers("backends:\n" + "".join(entries), {**VISITS, "npm-files": Visit(tool=reading)})


def _python(name: str, *options: str) -> _Http:
    port = free_port()
    return _Http(name, port, "mcp", [sys.executable, "-m", "tests.upstreams.everything", "--port", str(port), *options])


def _npm(name: str, path: str, mode: str) -> _Http:
    port = free_port()
    command = [*node.command(EVERYTHING, "dist/index.js"), mode]
    return _Http(name, port, path, command, node.environment(PORT=str(port)))


def _stdio(name: str, command: list[str]) -> str:
    arguments = ", ".join(f"'{argument}'" for argument in command[1:])
    return f"  - {{name: {name}, transport: stdio, command: '{command[0]}', args: [{arguments}]}}\n"
