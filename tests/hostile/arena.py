"""A real mesh in which hostile scripts are run: two edges, two workers, a broker, and a ledger as the upstream."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.faults.ledger import Ledger
from tests.hostile.case import Ended
from tests.hostile.processes import children_of
from tests.mesh import Mesh, mesh, wait_until

BUDGET_MS = 500.0
SPARE = 2
KEYS = {name: f"the-key-of-{name}-0123456789" for name in ("mallory", "ada")}
RULES = """
users:
  mallory: {allow: ['echo_*', 'book_read']}
  ada: {allow: ['echo_*', 'book_read']}
"""
_SETTINGS = {
    "TOOLMESH_CHILDREN_SPARE": str(SPARE),
    "TOOLMESH_CHILDREN_IDLE_S": "2",
}


@dataclass(frozen=True)
class Arena:
    """It runs."""

    running: Mesh
    ledger: Ledger
    a: Client
    """mallory's, at the first edge."""
    b: Client
    """ada's, at the second edge."""
    sent: list[Ended]
    """All scripts, as they ended."""
    budget_ms: float = BUDGET_MS

    def run(self, client: Client, code: str) -> Ended:
        """Run a script as a client does."""
        ended = run_script(client, code)
        self.sent.append(ended)
        return ended

    @property
    def workers(self) -> list[int]:
        """Their process ids."""
        return [worker.pid for worker in self.running.workers]

    @property
    def edges(self) -> list[int]:
        """Their process ids."""
        return [process.pid for process, _ in self.running.edges]

    def children(self) -> dict[int, str]:
        """Of both workers."""
        return children_of(self.workers)

    def client(self, who: str, edge: int) -> Client:
        """A further one, which its user closes."""
        return Client(self.running.edges[edge][1], KEYS[who])

    def wait_until_full(self, timeout_s: float = 10.0) -> None:
        """Wait until each worker has as many children as it keeps ready."""
        wait_until(
            lambda: all(len(children_of([worker])) >= SPARE for worker in self.workers), "the pools are full", timeout_s
        )


def run_script(client: Client, code: str) -> Ended:
    """Run a script, and say how it ended."""
    began = time.monotonic()
    answer = client.call("execute_code", {"code": code})
    took_ms = (time.monotonic() - began) * 1000
    if "result" not in answer:
        error = answer["error"]
        return Ended(code=str(error.get("data", {}).get("code", error["code"])), says=error["message"], took_ms=took_ms)
    return _ended(answer["result"], took_ms)


def _ended(result: dict[str, Any], took_ms: float) -> Ended:
    texts = [str(block["text"]) for block in result["content"]]
    if result.get("isError"):
        code = result.get("structuredContent", {}).get("error", {}).get("code", "no code")
        return Ended(code=str(code), says=texts[-1], took_ms=took_ms)
    found = json.loads(texts[0])
    if isinstance(found, list) and found and isinstance(found[0], dict) and "return" in found[0]:
        found = found[0]["return"]
    return Ended(value=found, took_ms=took_ms)


@contextmanager
def arena(directory: Path, budget_ms: float = BUDGET_MS) -> Iterator[Arena]:
    """Started, and warm; ends everything. `budget_ms`: time of one script."""
    ledger = Ledger(directory)
    try:
        with mesh(directory, ledger.backends(), TOOLMESH_CODE_TIMEOUT=f"{budget_ms:g}ms", **_SETTINGS) as running:
            users = "".join(
                f"  - {{user_id: {name}, key_sha256: {hashlib.sha256(key.encode()).hexdigest()}}}\n"
                for name, key in KEYS.items()
            )
            (running.config / "apikeys.yaml").write_text(f"keys:\n{users}")
            (running.config / "authorization.yaml").write_text(RULES)
            for _ in range(2):
                running.start_worker()
            edges = [running.start_edge() for _ in range(2)]
            for edge in edges:
                running.wait_for_tools(edge, "echo_add", "book_read", "book_write")
            clients = [Client(edge.url, KEYS[who]) for edge, who in zip(edges, KEYS, strict=True)]
            running.clients.extend(clients)
            built = Arena(running, ledger, clients[0], clients[1], [], budget_ms)
            for client in clients:
                wait_until(lambda client=client: built.run(client, "return 1").value == 1, "scripts run")
            built.wait_until_full()
            yield built
    finally:
        ledger.process.kill()
