"""A house that takes the tokens of authorization servers of others, with its own beside them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.upstream import upstream
from tests.federation.authorization_server import AuthorizationServer
from tests.oauth.house import House, house

NOWHERE = "http://127.0.0.1:9"
"""An issuer that nobody can ask anything."""


@dataclass
class Elsewhere:
    """The house, and the servers."""

    house: House
    first: AuthorizationServer
    """Signs with RS256; ada is in its group `ops`. Clients are sent there first."""
    second: AuthorizationServer
    """Signs with ES256, and its scopes give nothing but reading; only ada comes in from there."""
    file: Path

    @property
    def resource(self) -> str:
        """What clients call."""
        return f"{self.house.url}/mcp"

    def write(self, *, first: str = "plans: {ops: pro}", with_first: bool = True) -> None:
        """authorization-servers.yaml. `first`: further keys of the first server."""
        entries = [
            f"  - issuer: {self.first.issuer}\n"
            "    scopes: {mesh.read: ['tools:read'], mesh.write: ['tools:write']}\n"
            "    company: elsewhere\n"
            f"    allow: {{everyone: true}}\n    {first}\n",
            f"  - issuer: {self.second.issuer}\n    algorithms: [ES256]\n    scopes: {{mesh.read: ['tools:read']}}\n"
            "    plan: pro\n    allow: {subjects: [ada]}\n",
            f"  - issuer: {NOWHERE}\n    allow: {{everyone: true}}\n",
        ]
        self.file.write_text("servers:\n" + "".join(entries if with_first else entries[1:]))

    def call(
        self, token: str, tool: str = "echo_add", *, path: str = "/mcp", edge: int = 0, **arguments: Any
    ) -> httpx2.Response:
        """A call with a token."""
        client = self.house.bearer(token, edge)
        try:
            params = {"name": tool, "arguments": arguments or {"a": 1, "b": 2}}
            return client.post(client.body("tools/call", params), client.headers("tools/call", tool), path)
        finally:
            client.close()

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token of the first server for `/mcp`, with these claims and headers beside or instead."""
        return self.first.sign(self.first.claims(self.resource, **changes), header)


@contextmanager
def elsewhere(directory: Path, **environment: str) -> Iterator[Elsewhere]:
    """Started: two servers, two edges, a worker, an MCP server behind it. What is found right is believed for a second."""
    first = AuthorizationServer(directory, "first", groups={"ada": ["ops", "staff"]})
    second = AuthorizationServer(directory, "second", "ES256", groups={"ada": ["ops"]})
    file = directory / "authorization-servers.yaml"
    with ExitStack() as stack:
        for server in (first, second):
            stack.callback(server.stop)
            server.start()
        up = stack.enter_context(upstream(directory))
        found = Elsewhere(None, first, second, file)  # type: ignore[arg-type]
        found.write()
        settings: dict[str, Any] = {
            "TOOLMESH_AUTHORIZATION_SERVERS_CONFIG": str(file),
            "TOOLMESH_IDENTITIES_POLL_S": "0.1",
            "TOOLMESH_EXTERNAL_TOKEN_CACHE_S": "1",
            "TOOLMESH_EXTERNAL_KEYS_RETRY_S": "1",
            **environment,
        }
        found.house = stack.enter_context(house(directory, "backends:\n" + up.entry(), **settings))
        for edge in (found.house.a, found.house.b):
            found.house.running.wait_for_tools(edge, "up_echo", "up_touch")
        yield found
