"""Where ChatGPT and its kind are played: two edges behind one https URL, at which each request goes to the next of them, a
host with the agents' metadata documents, a backend that writes down all that reaches it, and one whose tools no agent takes
as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.oauth.secret_tokens import digest_of
from shared import log_in_keys
from tests.chatgpt.connector import CONTROL, Connector
from tests.chatgpt.identities import Identity, clients_file, publish, registered
from tests.chatgpt.variants import V1, Variant
from tests.chatgpt.wire import Wire
from tests.client import Client
from tests.e2e.unusual_mesh import tool, unusual
from tests.mesh import wait_until
from tests.oauth.documents import Documents, documents_host
from tests.oauth.front import Front, front
from tests.oauth.person import Person
from tests.oauth.recorded import recording, requests_in

_CLASSES = "{echo: read, sleep: read, structured: read, add: read}"
"""What else the backend has, writes."""
_ENTRIES = """backends:
  - name: up
    transport: http
    url: {up}
    class: {classes}
    aliases: {{former_echo: echo}}
  - name: odd
    transport: http
    url: {odd}
    annotations: trust
"""
ODD: list[dict[str, Any]] = [
    tool("issues.create"),
    tool("choice", {"oneOf": [{"properties": {"id": {}}, "required": ["id"]}, {"properties": {"name": {}}}]}),
    tool("named", {"properties": {"user name": {"type": "string"}}, "required": ["user name"]}),
    tool("many", {"properties": {"icon": {"enum": [f"icon number {number}" for number in range(1_200)]}}}),
]
"""Tools that cost a connector, or are lost: by their name, by the root of their schema, by a property, by their size."""
HANDLE_AFTER_S = 1.2
"""After how long a call is answered with a handle here."""


@dataclass
class Stage:
    """All of it, running."""

    front: Front
    documents: Documents
    file: Path
    """What reached the backend."""
    secrets: set[str] = field(default_factory=set)
    """What may be in no log."""
    closing: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The public URL."""
        return self.front.url

    @property
    def edges(self) -> list[Client]:
        """Both edges, each at its own address, with the owner's key."""
        return [self.front.house.a, self.front.house.b]

    def person(self) -> Person:
        """A new browser."""
        found = Person(self.url, self.secrets, self.front.trust)
        self.closing.append(found)
        return found

    def wire(self, agent: str = CONTROL) -> Wire:
        """Requests under that User-Agent."""
        found = Wire(self.url, self.front.trust, agent)
        self.closing.append(found)
        return found

    def connector(self, variant: Variant = V1, identity: Identity | None = None) -> Connector:
        """One of ChatGPT's that has found out where to log in; it registers, unless it is somebody."""
        found = Connector(self.wire(), variant, self.secrets)
        found.find_out()
        found.identify(identity or registered(found.wire, self.documents, "none"))
        return found

    def connected(self, person: Person, variant: Variant = V1) -> Connector:
        """One that somebody has allowed, and that has opened its connection."""
        found = self.connector(variant)
        found.log_in(person)
        found.open()
        return found

    def calls(self, mark: str) -> int:
        """How many calls with that text in them reached the backend."""
        return sum('"tools/call"' in each["body"] and mark in each["body"] for each in requests_in(self.file))

    def expire(self, *tokens: str) -> None:
        """Let the time of access tokens be over, as the broker ends it, and wait until the edges have noticed."""
        with self.front.running.broker.client() as redis:
            for token in tokens:
                assert redis.pexpire(log_in_keys.access_token(digest_of(token)), 1)
        wait_until(lambda: {self._status(n, token) for n in (0, 1) for token in tokens} <= {401}, "it is refused", 10)

    def _status(self, edge: int, token: str) -> int:
        client = self.front.house.bearer(token, edge)
        try:
            return client.post(client.body("tools/list"), client.headers("tools/list")).status_code
        finally:
            client.close()

    def restart_edges(self) -> None:
        """Both edges end, and others take their places; the brokers stay."""
        running = self.front.running
        for number, (process, url) in enumerate(list(running.edges)):
            if process.running:
                process.stop()
                edge = running.start_edge(int(url.rpartition(":")[2]))
                running.edges[number] = running.edges.pop()
                assert edge.url == url

    def close(self) -> None:
        for each in self.closing:
            each.close()


@contextmanager
def stage(directory: Path, **environment: str) -> Iterator[Stage]:
    """Started; at its end no secret may be in any log."""
    clients, file = directory / "clients.yaml", directory / "requests.jsonl"
    clients.write_text(clients_file())
    with (
        documents_host(directory) as documents,
        recording(directory, file, "--widget") as up,
        unusual(directory, {"odd": ODD}) as odd,
    ):
        publish(documents)
        settings = {
            **documents.environment,
            "TOOLMESH_CLIENTS_CONFIG": str(clients),
            "TOOLMESH_HANDLE_AFTER_S": str(HANDLE_AFTER_S),
            "TOOLMESH_DIRECT_TOOLS": "1000",
            "TOOLMESH_CANCEL_GRACE_S": "2",
            "TOOLMESH_TOKEN_CACHE_S": "0.2",
            "TOOLMESH_CORS_ORIGINS": "http://localhost:6274",
            "TOOLMESH_REGISTRATIONS_PER_MIN_MAX": "100000",
            "TOOLMESH_AUTHORIZATIONS_PER_MIN_MAX": "100000",
            "TOOLMESH_TOKEN_FAILURES_PER_MIN_MAX": "100000",
            "TOOLMESH_STRANGERS_RECORDED_PER_S_MAX": "100000",
            **environment,
        }
        backends = _ENTRIES.format(up=up, odd=odd["odd"], classes=_CLASSES)
        with front(directory, backends, documents.certificate, documents.ca, **settings) as running:
            for edge in (running.house.a, running.house.b):
                running.running.wait_for_tools(edge, "up_echo", "odd_many", "echo_add")
            found = Stage(running, documents, file)
            try:
                yield found
            finally:
                found.close()
            written = "".join(log.read_text(errors="replace") for log in directory.glob("*.log"))
            assert [secret for secret in found.secrets if secret in written] == []
            assert "Traceback" not in written
