"""Two edges, a worker and a real upstream behind them: what a client of one edge does is seen at the other."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.client import Client
from tests.e2e.old_client import OldClient
from tests.e2e.upstream import Upstream, upstream
from tests.mesh import Mesh, mesh

GUEST_KEY = "the-key-of-somebody-who-may-nothing"
CLASSES = "{sleep: read, slow_progress: read, echo: read, touch: idempotent, grow: idempotent, log_all: read}"

RELAY = "    relay: [elicitation]\n"


@dataclass
class Wide:
    """The mesh, and its two edges."""

    running: Mesh
    up: Upstream
    a: Client
    b: Client
    grown: int = 0

    def grow(self) -> str:
        """Give the upstream one tool more, through the first edge that runs; its name at the mesh."""
        self.grown += 1
        edge = self.a if self.running.edges[0][0].running else self.b
        edge.text("up_grow", {"name": f"grown_{self.grown}"})
        return f"up_grown_{self.grown}"

    def client(self, api_key: str = "", path: str = "/mcp") -> OldClient:
        """A client that reaches both edges, with a session that was made at the first."""
        client = OldClient(self.a, self.b, api_key=api_key, path=path)
        client.initialize()
        return client


@contextmanager
def wide_mesh(directory: Path, **environment: str) -> Iterator[Wide]:
    """Started; ends it again, and looks into the edges' logs: nothing may have been raised that nobody caught.

    The upstream is of the 2025 era, which can say what is subscribed at it.
    """
    directory.mkdir(exist_ok=True)
    with (
        upstream(directory, "--era", "legacy") as up,
        mesh(directory, "backends:\n" + up.entry(classes=CLASSES) + RELAY, **environment) as running,
    ):
        digest = hashlib.sha256(GUEST_KEY.encode()).hexdigest()
        (running.config / "apikeys.yaml").write_text(f"keys:\n  - user_id: guest\n    key_sha256: {digest}\n")
        running.start_worker()
        wide = Wide(running, up, running.start_edge(), running.start_edge())
        for edge in (wide.a, wide.b):
            running.wait_for_tools(edge, "up_echo", "up_touch", "echo_echo")
        yield wide
        for process, _ in running.edges:
            assert "Traceback" not in process.output(), process.output()[-4000:]
            assert '"exception"' not in process.output(), process.output()[-4000:]
