"""Two edges and a worker in front of servers whose tools are what a test says."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.mesh import Mesh, Module, free_port, mesh, wait_until

OBJECT: dict[str, Any] = {"type": "object"}


def tool(name: str, schema: Mapping[str, Any] = OBJECT, **members: Any) -> dict[str, Any]:
    """A definition."""
    return {"name": name, "description": f"Does {name[:20]}.", "inputSchema": {"type": "object", **schema}, **members}


@dataclass
class Unusual:
    """The mesh, its two edges, and where the servers' tools stand."""

    running: Mesh
    a: Client
    b: Client
    tools: Path

    def write(self, backend: str, tools: Sequence[Mapping[str, Any]]) -> None:
        """What that server lists from now on."""
        (self.tools / f"{backend}.json").write_text(json.dumps(tools))

    def logged(self, event: str, edges: Sequence[int] = (0, 1)) -> list[dict[str, Any]]:
        """Log lines of the edges with that event, in the order of their times."""
        lines = [line for number in edges for line in self.running.edges[number][0].output().splitlines()]
        found = [json.loads(line) for line in lines if line.startswith("{") and event in line]
        return sorted((each for each in found if each["event"] == event), key=lambda each: str(each["timestamp"]))


def entry(name: str, url: str, more: str = "") -> str:
    """An entry of backends.yaml for one of these servers; its tools read."""
    return f"  - {{name: {name}, transport: http, url: '{url}', annotations: trust{more}}}\n"


@contextmanager
def unusual(directory: Path, backends: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Mapping[str, str]]:
    """The servers alone, with tools by name; gives the URL of each."""
    tools, port = directory / "tools", free_port()
    tools.mkdir()
    for name, listed in backends.items():
        (tools / f"{name}.json").write_text(json.dumps(listed))
    server = Module(["tests.upstreams.unusual", "--port", str(port), "--tools", str(tools)], directory / "unusual.log")
    try:
        wait_until(lambda: "listening" in server.output(), "the servers listen")
        yield {name: f"http://127.0.0.1:{port}/mcp/{name}" for name in backends}
    finally:
        server.kill()


@contextmanager
def unusual_mesh(
    directory: Path, backends: Mapping[str, Sequence[Mapping[str, Any]]], more: Mapping[str, str], **environment: str
) -> Iterator[Unusual]:
    """Started; ends it again, and looks into the edges' logs. `backends`: tools by name; `more`: members of an entry."""
    with unusual(directory, backends) as urls:
        entries = "backends:\n" + "".join(entry(name, url, more.get(name, "")) for name, url in urls.items())
        with mesh(directory, entries, **environment) as running:
            running.start_worker()
            found = Unusual(running, running.start_edge(), running.start_edge(), directory / "tools")
            yield found
            for process, _ in running.edges:
                assert "Traceback" not in process.output(), process.output()[-4000:]
                assert '"exception"' not in process.output(), process.output()[-4000:]
