"""An edge and a worker with a REST backend whose file has composites, before a recorder."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.mesh import Mesh, mesh, wait_until
from tests.upstreams.recorder import Recorded, Recorder, Reply, Writes, json_reply
from tests.upstreams.recorder_thread import recorder_thread

FILE = Path(__file__).parent / "composed.dadl"
BOB_KEY = "the-key-of-bob-0123456789"
EVE_KEY = "the-key-of-eve-0123456789"
TOKEN = "the-token-of-the-grid-0123456789"
RULES = """users:
  bob: {allow: ['grid_*'], deny: ['grid_reset']}
  eve: {allow: ['grid_busy_zones', 'grid_list_zones', 'grid_health']}
"""
ENTRY = """backends:
  - {{name: grid, transport: rest, dadl: grid.dadl, url: '{url}', delegates: {approved}}}
"""
APPROVED = "{safe_reset: [reset], own_reset: [reset]}"
"""`sly_reset` asks for it as well, and nobody approved it; `own_reset` does not ask for it."""
ZONES = [{"id": "n", "name": "North"}, {"id": "s", "name": "South"}]


def grid(request: Recorded) -> Reply | Writes:
    """What the grid answers."""
    if request.path == "/zones":
        return json_reply(ZONES)
    if request.path == "/zones/nowhere/load":
        return json_reply({"error": {"message": "No such zone", "id": "E7"}}, 404)
    if request.path.endswith("/load"):
        return json_reply({"pct": 90 if request.path == "/zones/n/load" else 10})
    if request.path == "/status":
        return json_reply({"ok": True, "token": {"until": 1_900_000_000}})
    return never if request.path == "/slow" else json_reply({"done": True})


async def never(writer: asyncio.StreamWriter) -> None:
    """An answer that does not come."""
    await asyncio.Event().wait()


@dataclass
class Composed:
    """All of it."""

    running: Mesh
    upstream: Recorder
    edge: Client
    bob: Client
    eve: Client

    def result(self, tool: str, arguments: dict[str, Any] | None = None, client: Client | None = None) -> dict[str, Any]:
        """The MCP result of a call."""
        answer = (client or self.edge).call(tool, arguments or {})
        assert "result" in answer, answer
        return dict(answer["result"])

    def value(self, tool: str, arguments: dict[str, Any] | None = None, client: Client | None = None) -> Any:
        """What a composite returned."""
        result = self.result(tool, arguments, client)
        assert not result.get("isError"), result
        assert len(result["content"]) == 1, result
        return json.loads(result["content"][0]["text"])

    def failure(self, tool: str, arguments: dict[str, Any] | None = None, client: Client | None = None) -> Any:
        """The error of a composite that failed, with its text as `text`."""
        result = self.result(tool, arguments, client)
        assert result.get("isError"), result
        return result["structuredContent"]["error"] | {"text": result["content"][0]["text"]}

    def hostile(self, code: str) -> dict[str, Any]:
        """The result of such a composite."""
        return self.result("grid_hostile", {"code": code})

    def requests(self, path: str) -> list[Recorded]:
        """What the grid was asked."""
        return [request for request in self.upstream.requests if request.path == path]


@contextmanager
def composed_mesh(directory: Path, *options: str, worker_approves: bool = True, **environment: str) -> Iterator[Composed]:
    """One edge and one worker, which has these options; ends with the test. `worker_approves`: whether the worker's own
    backends.yaml says the same of `delegates` as the edge's."""
    with recorder_thread(grid) as upstream:
        given = {"CREDENTIAL_GRID_TOKEN": TOKEN, "TOOLMESH_DIRECT_TOOLS": "100", **environment}
        with mesh(directory, ENTRY.format(url=upstream.url, approved=APPROVED), **given) as running:
            (running.config / "dadl").mkdir()
            (running.config / "dadl" / "grid.dadl").write_text(FILE.read_text())
            keys = [(name, hashlib.sha256(key.encode()).hexdigest()) for name, key in (("bob", BOB_KEY), ("eve", EVE_KEY))]
            lines = [f"  - {{user_id: {name}, key_sha256: {digest}}}\n" for name, digest in keys]
            (running.config / "apikeys.yaml").write_text("keys:\n" + "".join(lines))
            (running.config / "authorization.yaml").write_text(RULES)
            theirs = directory / "backends-of-the-worker.yaml"
            theirs.write_text(ENTRY.format(url=upstream.url, approved=APPROVED if worker_approves else "{}"))
            running.start_worker(*options, TOOLMESH_BACKENDS_CONFIG=str(theirs))
            edge = running.start_edge()
            running.wait_for_tools(edge, "grid_busy_zones")
            others = [Client(edge.url, BOB_KEY), Client(edge.url, EVE_KEY)]
            running.clients += others
            wait_until(lambda: edge.succeeds("grid_list_zones", {}), "the grid answers")
            yield Composed(running, upstream, edge, *others)
