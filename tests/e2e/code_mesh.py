"""Edges and a worker with a ledger behind it, and a worker of group `code` that the test plays."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client import Client
from tests.e2e.played_worker import PlayedWorker, played_worker
from tests.faults.ledger import Ledger
from tests.mesh import Mesh, mesh, wait_until

BOB_KEY = "the-key-of-bob-0123456789"
RULES = "users: {bob: {allow: ['echo_echo', 'book_read']}}\n"


@dataclass
class CodeMesh:
    """All of it."""

    running: Mesh
    ledger: Ledger
    worker: PlayedWorker
    edge: Client

    def records(self, **wanted: Any) -> list[dict[str, Any]]:
        """What is in the audit with such fields."""
        return [r for r in self.running.audit() if all(r.get(name) == value for name, value in wanted.items())]

    def wait_until_begun(self, token: str) -> None:
        """Wait until the ledger has begun something."""
        wait_until(lambda: self.ledger.book().begun(token), f"{token} is begun")


@contextmanager
def code_mesh(directory: Path, append_only: bool = False, /, **environment: str) -> Iterator[CodeMesh]:
    """One edge; ends with the test."""
    ledger = Ledger(directory)
    try:
        entry = ledger.backends() + "    hint: What was written, and when.\n"
        with mesh(directory, entry, append_only, TOOLMESH_INNER_SIGN_S="0.2", **environment) as running:
            digest = hashlib.sha256(BOB_KEY.encode()).hexdigest()
            (running.config / "apikeys.yaml").write_text(f"keys:\n  - {{user_id: bob, key_sha256: {digest}}}\n")
            (running.config / "authorization.yaml").write_text(RULES)
            running.start_worker("--backends", "echo,book")
            edge = running.start_edge()
            running.wait_for_tools(edge, "book_read", "echo_echo")
            with played_worker(running) as worker:
                wait_until(lambda: "execute_code" in edge.tool_names(), "code mode is offered")
                yield CodeMesh(running, ledger, worker, edge)
    finally:
        ledger.process.kill()
