"""Two edges and a worker in front of slow tools: what one edge hands out is asked for at the other."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.client import MODERN, Client, messages_of
from tests.e2e.old_client import OldClient
from tests.mesh import API_KEY, Mesh, Module, Process, free_port, mesh, wait_until

TASKS = "io.modelcontextprotocol/tasks"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
BUDGET = "toolmesh/budgetMs"
DECLARED: dict[str, Any] = {CAPABILITIES: {"elicitation": {}, "extensions": {TASKS: {}}}}
"""`_meta` of a client that takes tasks."""
ASKABLE: dict[str, Any] = {CAPABILITIES: {"elicitation": {}}}
PAUSE_MS = 400
STRANGER_KEY = "the-key-of-somebody-else"
_READS = "slow_compute, failing_job, protocol_error_job, confirm_delete, multi_input, twice_asked, slow_ask, greet"
_ENTRY = """  - name: {name}
    transport: http
    url: http://127.0.0.1:{port}/mcp
    class: {{{classes}}}
    relay: [elicitation, sampling]
"""


@dataclass
class Slow:
    """The mesh, its two edges, and the server behind it."""

    running: Mesh
    server: Process
    a: Client
    b: Client

    def ran(self, tool: str, detail: str) -> int:
        """How often the server ran a tool to its end."""
        return self.server.output().splitlines().count(f"ran {tool} {detail}")

    def send(self, edge: Client, method: str, params: dict[str, Any], path: str = "/mcp", **meta: Any) -> httpx2.Response:
        """A request of the 2026 era, with the header that names what it is about."""
        body = edge.body(method, params, 1, MODERN, **meta)
        return edge.post(body, edge.headers(method, params.get("name") or params.get("taskId")), path)

    def call(self, edge: Client, tool: str, arguments: dict[str, Any], path: str = "/mcp", **meta: Any) -> dict[str, Any]:
        """A tool call; gives the JSON-RPC response, also when it came as a stream."""
        answer = self.send(edge, "tools/call", {"name": tool, "arguments": arguments}, path, **meta)
        streamed = answer.headers["content-type"].startswith("text/event-stream")
        return messages_of(answer.text)[-1] if streamed else dict(answer.json())

    def task(self, edge: Client, tool: str, arguments: dict[str, Any] | None = None) -> str:
        """A call that is answered with a task; its id."""
        answer = self.call(edge, tool, arguments or {}, **DECLARED)
        assert answer["result"]["resultType"] == "task", answer
        return str(answer["result"]["taskId"])

    def about(self, edge: Client, method: str, task_id: str, **params: Any) -> dict[str, Any]:
        """A request about a task that is answered with a result."""
        answer = self.send(edge, method, {"taskId": task_id, **params}, **DECLARED)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["result"])

    def wait_for(self, edge: Client, task_id: str, status: str) -> dict[str, Any]:
        """Look at a task until it has that status."""
        found: dict[str, Any] = {}

        def there() -> bool:
            found.update(self.about(edge, "tasks/get", task_id))
            return bool(found["status"] == status)

        wait_until(there, f"the task is {status}", 10)
        return self.about(edge, "tasks/get", task_id)

    def old_client(self, name: str) -> OldClient:
        """A session of a 2025-era client of that name, made at the first edge."""
        client = OldClient(self.a, self.b, api_key=API_KEY)
        hello = {"protocolVersion": client.version, "capabilities": {}, "clientInfo": {"name": name, "version": "1"}}
        client.session_id = client.post(client.request("initialize", hello)).headers["mcp-session-id"]
        return client


def server(directory: Path, name: str, *options: str) -> tuple[Process, int]:
    """`tests/upstreams/tasks.py`, started."""
    port = free_port()
    arguments = ["tests.upstreams.tasks", "--port", str(port), "--pause-ms", str(PAUSE_MS), *options]
    return Module(arguments, directory / f"{name}.log"), port


def entry(name: str, port: int) -> str:
    """Its entry in backends.yaml: what does not write reads."""
    return _ENTRY.format(name=name, port=port, classes=", ".join(f"{tool}: read" for tool in _READS.split(", ")))


@contextmanager
def slow_mesh(directory: Path, **environment: str) -> Iterator[Slow]:
    """Started; ends it again, and looks into the edges' logs: nothing may have been raised that nobody caught."""
    directory.mkdir(exist_ok=True)
    new, new_port = server(directory, "new")
    old, old_port = server(directory, "old", "--era", "legacy", "--own-wait")
    backends = "backends:\n" + entry("slow", new_port) + entry("old", old_port)
    try:
        wait_until(lambda: all("listening" in p.output() for p in (new, old)), "the servers listen")
        with mesh(directory, backends, **environment) as running:
            digest = hashlib.sha256(STRANGER_KEY.encode()).hexdigest()
            (running.config / "apikeys.yaml").write_text(f"keys:\n  - user_id: somebody\n    key_sha256: {digest}\n")
            running.start_worker()
            slow = Slow(running, new, running.start_edge(), running.start_edge())
            for edge in (slow.a, slow.b):
                running.wait_for_tools(edge, "slow_greet", "old_greet", "echo_echo")
            yield slow
            for process, _ in running.edges:
                assert "Traceback" not in process.output(), process.output()[-4000:]
                assert '"exception"' not in process.output(), process.output()[-4000:]
    finally:
        new.kill()
        old.kill()
