"""Two edges and two workers that run scripts, with backends in front of which calls wait for one another."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.client import MODERN, Client, messages_of
from tests.mesh import API_KEY, ROOT, Mesh, mesh, wait_until
from tests.upstreams.started import Upstream

GUEST_KEY = "the-key-of-a-guest-0123456789"
RULES = "plans:\n  free: {allow: ['echo_*', 'meet_note']}\n"
EXAMPLE = (ROOT / "config" / "backends.yaml").read_text(encoding="utf-8")
"""The backends that ToolMesh brings."""
_READS = "{meet: read, hold: read, release: read, shapes: read, note: read}"


@dataclass(frozen=True)
class Outcome:
    """What `execute_code` answered."""

    failed: bool
    texts: list[str]
    result: dict[str, Any] = field(repr=False)

    @property
    def value(self) -> Any:
        """The value alone, or the first of the array."""
        assert not self.failed, self.texts
        found = json.loads(self.texts[0])
        first = found[0] if isinstance(found, list) and found else None
        return first["return"] if isinstance(first, dict) and "return" in first else found

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What was called."""
        return [entry for entry in json.loads(self.texts[0]) if "tool" in entry]

    @property
    def logs(self) -> list[str]:
        """What was logged."""
        return list(json.loads(self.texts[0])[-1]["logs"])

    @property
    def why(self) -> str:
        """Why it failed."""
        assert self.failed, self.texts
        return self.texts[-1]


def outcome_of(result: dict[str, Any]) -> Outcome:
    """Of an MCP result."""
    texts = [block["text"] for block in result["content"] if not block["text"].startswith('{"toolmesh')]
    return Outcome(bool(result.get("isError")), texts, result)


@dataclass
class Scripted:
    """The mesh."""

    running: Mesh
    meeting: Upstream
    a: Client
    b: Client

    def run(self, code: str, edge: Client | None = None, *, era: str = MODERN, **more: Any) -> Outcome:
        """Run a script to its end."""
        answer = (edge or self.a).call("execute_code", {"code": code, **more}, era=era)
        assert "result" in answer, answer
        return outcome_of(answer["result"])

    @property
    def workers_and_edges(self) -> list[str]:
        """What all of them wrote."""
        return [p.output() for p in (*(p for p, _ in self.running.edges), *self.running.workers)]


class Running(threading.Thread):
    """A script that runs meanwhile, for a client of its own."""

    def __init__(self, edge: Client, code: str, **meta: Any) -> None:
        super().__init__(daemon=True)
        self._client = Client(edge.url, API_KEY)
        self._code = code
        self._meta = meta
        self.messages: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            with self._client.stream("execute_code", {"code": self._code}, **self._meta) as answer:
                if answer.headers["content-type"].startswith("text/event-stream"):
                    self.messages = messages_of("".join(answer.iter_text()))
                else:
                    self.messages = [json.loads(answer.read())]
        except Exception as error:
            self.error = error
        finally:
            self._client.close()

    def outcome(self) -> Outcome:
        """Its end; waits for it."""
        self.join(60)
        assert not self.is_alive(), "the script was never answered"
        assert self.error is None, self.error
        return outcome_of(self.messages[-1]["result"])


def lines_of(path: Path) -> list[str]:
    """What the meeting's tools wrote there."""
    return path.read_text().splitlines() if path.exists() else []


@contextmanager
def scripts_mesh(directory: Path, **environment: str) -> Iterator[Scripted]:
    """Started; ends it again, and looks into the logs: nothing may have been raised that nobody caught.

    Backends: those of the bundled example; `meet` and `mut` are one server, whose tools all read at the first and all write
    at the second.
    """
    directory.mkdir(exist_ok=True)
    meeting = Upstream(directory, "meeting")
    entry = "  - {{name: {}, transport: http, url: '{}', class: {}}}\n"
    backends = EXAMPLE + entry.format("meet", meeting.url, _READS) + entry.format("mut", meeting.url, "{}")
    try:
        with mesh(directory, backends, **environment) as running:
            digest = hashlib.sha256(GUEST_KEY.encode()).hexdigest()
            (running.config / "apikeys.yaml").write_text(f"keys:\n  - user_id: guest\n    key_sha256: {digest}\n")
            (running.config / "authorization.yaml").write_text(RULES)
            running.start_worker()
            running.start_worker()
            scripted = Scripted(running, meeting, running.start_edge(), running.start_edge())
            for edge in (scripted.a, scripted.b):
                wait_until(lambda e=edge: is_there(e), "scripts run, and reach all backends")
            yield scripted
            for output in scripted.workers_and_edges:
                assert "Traceback" not in output, output[-4000:]
                assert '"exception"' not in output, output[-4000:]
    finally:
        meeting.kill()


def is_there(edge: Client) -> bool:
    """Whether a script reaches every backend."""
    names = '["echo_add", "inventory_get_price", "meet_meet", "mut_note"]'
    code = f"return (await Promise.all({names}.map(n => toolmesh.describe(n)))).length"
    return edge.succeeds("execute_code", {"code": code})
