"""Two edges and a worker with rules of their own, a real upstream behind them, and three users with keys."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.client import MODERN, Client
from tests.e2e.old_client import OldClient
from tests.e2e.upstream import Upstream, upstream
from tests.mesh import Mesh, mesh, wait_until
from tests.oauth.house import House

KEYS = {name: f"the-key-of-{name}-0123456789" for name in ("ada", "bob", "eve")}
RULES = """
plans:
  pro: {allow: ['up_*'], deny: ['up_touch', 'up_write_line']}
roles:
  looks: {allow: ['access:read'], deny: ['up_*']}
users:
  ada: {allow: ['echo_time']}
  bob: {allow: ['up_echo']}
"""
"""ada is of plan pro; bob looks, and has plan free; eve has nothing that a rule is about."""


@dataclass
class Ruled:
    """The mesh. Edges read `authorization.yaml`, the worker a file of its own."""

    running: Mesh
    up: Upstream
    a: Client
    b: Client
    http: httpx2.Client

    @property
    def house(self) -> House:
        """As the assertions on what is left behind want it."""
        return House(self.running, self.a, self.b)

    @property
    def of_edges(self) -> Path:
        """The rules that edges read."""
        return self.running.config / "authorization.yaml"

    @property
    def of_worker(self) -> Path:
        """The rules that the worker reads."""
        return self.running.directory / "of-worker.yaml"

    @contextmanager
    def rules(self, file: Path, text: str, processes: str) -> Iterator[None]:
        """Other rules in one of the files, once `edges` or `workers` have read them; the first ones again afterwards."""
        self._write(file, text, processes)
        try:
            yield
        finally:
            self._write(file, RULES, processes)

    def _write(self, file: Path, text: str, processes: str) -> None:
        found = [process for process, _ in self.running.edges] if processes == "edges" else self.running.workers
        before = [process.output().count(_READ) for process in found]
        file.write_text(text)
        wait_until(
            lambda: all(process.output().count(_READ) > count for process, count in zip(found, before, strict=True)),
            "the rules are read",
        )

    def old(self, user: str, path: str = "/mcp") -> OldClient:
        """A session of the 2025 era."""
        client = OldClient(self.a, self.b, api_key=KEYS[user], path=path)
        client.initialize()
        return client

    def ask(
        self, user: str, method: str, params: dict[str, Any], path: str = "/mcp", era: str = MODERN, **headers: str
    ) -> httpx2.Response:
        """A request of a user to the first edge."""
        name = params.get("name") or params.get("uri")
        known = self.a.headers(method, name, era) | {"Authorization": f"Bearer {KEYS[user]}"} | headers
        return self.http.post(self.a.url + path, content=self.a.body(method, params, era=era), headers=known)


_READ = '"configuration read again"'


def key_entries() -> str:
    """apikeys.yaml of the users."""
    fields = {"ada": "plan: pro", "bob": "roles: [looks]", "eve": "company_id: nowhere"}
    digests = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in KEYS.items()}
    lines = [f"  - {{user_id: {name}, key_sha256: {digests[name]}, {fields[name]}}}\n" for name in KEYS]
    return "keys:\n" + "".join(lines)


@contextmanager
def ruled_mesh(directory: Path) -> Iterator[Ruled]:
    """Started; ends with the test."""
    with (
        upstream(directory) as up,
        mesh(directory, "backends:\n" + up.entry(), TOOLMESH_IDENTITIES_POLL_S="0.1") as running,
        httpx2.Client(trust_env=False, timeout=20) as http,
    ):
        (running.config / "apikeys.yaml").write_text(key_entries())
        of_worker = directory / "of-worker.yaml"
        for file in (running.config / "authorization.yaml", of_worker):
            file.write_text(RULES)
        running.start_worker(TOOLMESH_AUTHORIZATION_CONFIG=str(of_worker))
        ruled = Ruled(running, up, running.start_edge(), running.start_edge(), http)
        for edge in (ruled.a, ruled.b):
            running.wait_for_tools(edge, "up_echo", "up_touch", "echo_echo")
        yield ruled
