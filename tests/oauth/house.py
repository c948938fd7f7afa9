"""A mesh with users, for the tests of log-ins: real edges on a real broker, with a real upstream where calls matter."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge.identities.passwords import hash_password
from tests.client import Client
from tests.mesh import Mesh, mesh
from tests.oauth.person import OAuthClient, Person, register

PASSWORD = "correct horse battery staple"
OWNER_PASSWORD = "the owner's own password"

RULES = """
plans:
  pro: {allow: ['**']}
  free: {allow: ['access:read']}
"""
SETTINGS = {
    "TOOLMESH_AUTH_PASSWORD": OWNER_PASSWORD,
    "TOOLMESH_REGISTRATIONS_PER_MIN_MAX": "100000",
    "TOOLMESH_AUTHORIZATIONS_PER_MIN_MAX": "100000",
    "TOOLMESH_TOKEN_FAILURES_PER_MIN_MAX": "100000",
    "TOOLMESH_LOGIN_MAX_FAILURES_PER_IP": "0",
    "TOOLMESH_STRANGERS_RECORDED_PER_S_MAX": "100000",
}
"""A house in which many tests come from one address."""


@dataclass
class House:
    """Two edges under one public URL, which is that of the first."""

    running: Mesh
    a: Client
    b: Client
    secrets: set[str] = field(default_factory=set)
    """What people and clients of this house knew: at its end none of it may be in a log."""

    @property
    def url(self) -> str:
        """The public URL."""
        return self.a.url

    def person(self) -> Person:
        """A browser at the first edge."""
        return Person(self.url, self.secrets)

    def client(self, **metadata: object) -> OAuthClient:
        """A client that has just registered itself."""
        found = register(self.url, **metadata)
        found.secrets = self.secrets
        return found

    def tokens(self, client: OAuthClient, username: str = "ada", **changes: object) -> dict[str, str]:
        """What a client gets when this user allows it."""
        person = self.person()
        try:
            code = client.code(person, username, PASSWORD, **changes)
        finally:
            person.close()
        answer = client.exchange(code)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def bearer(self, token: str, edge: int = 0) -> Client:
        """A client of MCP at one of the edges, with an access token."""
        return Client((self.a, self.b)[edge].url, token)


def write_users(config: Path, *lines: str) -> None:
    """users.yaml with ada (pro), bob (free) and more lines."""
    hashed = hash_password(PASSWORD)
    text = f"""
    users:
      - {{username: ada, password_hash: '{hashed}', plan: pro, roles: [ops]}}
      - {{username: bob, password_hash: '{hashed}', plan: free}}
    """
    (config / "users.yaml").write_text(textwrap.dedent(text) + "".join(f"  - {line}\n" for line in lines))


@contextmanager
def house(
    directory: Path,
    backends: str = "",
    *,
    workers: int = 1,
    users: str = "",
    append_only: bool = False,
    **environment: str,
) -> Iterator[House]:
    """Users, rules, two edges, workers with the built-in backend. `users`: lines of users.yaml beside ada and bob.
    `append_only`: the broker forgets nothing when it is killed."""
    with mesh(directory, backends, append_only, **SETTINGS | environment) as running:
        write_users(running.config, *users.splitlines())
        (running.config / "authorization.yaml").write_text(RULES)
        a = running.start_edge()
        b = running.start_edge(TOOLMESH_ISSUER=a.url, TOOLMESH_ALLOWED_HOSTS=",".join(_hosts(a)))
        # The second edge has a port of its own, and answers under the public URL of the first.
        for _ in range(workers):
            running.start_worker()
        if workers:
            running.wait_for_tools(a, "echo_add")
            running.wait_for_tools(b, "echo_add")
        found = House(running, a, b)
        yield found
        found.secrets |= {PASSWORD, OWNER_PASSWORD}
        written = "".join(process.output() for process in [each for each, _ in running.edges] + running.workers)
        assert [secret for secret in found.secrets if secret in written] == []


def _hosts(client: Client) -> list[str]:
    return [client.url.removeprefix("http://")]
