"""An edge without an authorization server of its own: the SDK's client finds the other one, and nobody logs in here."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import Client as SdkClient
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyUrl

from tests.client import Client
from tests.e2e.upstream import upstream
from tests.federation.authorization_server import AuthorizationServer, follow, new_key
from tests.mesh import Mesh, mesh, wait_until
from tests.oauth.person import CALLBACK, Person
from tests.oauth.sdk_client import Visitor

pytestmark = pytest.mark.usefixtures("npm_packages")
RETRY_S = 0.5


@dataclass
class Alone:
    """One edge, and the server whose tokens it takes."""

    running: Mesh
    edge: Client
    server: AuthorizationServer

    @property
    def resource(self) -> str:
        return f"{self.edge.url}/mcp"

    def call(self, token: str) -> httpx2.Response:
        client = Client(self.edge.url, token)
        try:
            params = {"name": "echo_add", "arguments": {"a": 1, "b": 2}}
            return client.post(client.body("tools/call", params), client.headers("tools/call", "echo_add"))
        finally:
            client.close()

    def token(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        return self.server.sign(self.server.claims(self.resource, **changes), header)


@pytest.fixture(scope="module")
def at(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    directory = tmp_path_factory.mktemp("alone")
    server = AuthorizationServer(directory)
    server.start()
    file = directory / "authorization-servers.yaml"
    file.write_text(
        f"servers:\n  - issuer: {server.issuer}\n    plan: pro\n    allow: {{everyone: true}}\n"
        "    scopes: {mesh.read: ['tools:read'], mesh.write: ['tools:write']}\n"
    )
    environment = {
        "TOOLMESH_OWN_AUTHORIZATION_SERVER": "off",
        "TOOLMESH_AUTHORIZATION_SERVERS_CONFIG": str(file),
        "TOOLMESH_CHALLENGE_SCOPES": "tools:read",
        "TOOLMESH_EXTERNAL_TOKEN_CACHE_S": "0.2",
        "TOOLMESH_EXTERNAL_KEYS_S": "1",
        "TOOLMESH_EXTERNAL_KEYS_RETRY_S": str(RETRY_S),
    }
    try:
        with upstream(directory) as up, mesh(directory, "backends:\n" + up.entry(), **environment) as running:
            (running.config / "authorization.yaml").write_text("plans:\n  pro: {allow: ['**']}\n")
            edge = running.start_edge(TOOLMESH_API_KEY="")
            running.start_worker()
            yield Alone(running, edge, server)
    finally:
        server.stop()


class Elsewhere(Visitor):
    """A client of the SDK whose person logs in at the other server."""

    async def _send(self, url: str) -> None:
        self.asked.append({name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})
        location = await asyncio.to_thread(follow, self._person, url, self._username)
        self._answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


@pytest.fixture
def visitor(at: Alone) -> Iterator[Elsewhere]:
    person = Person(at.server.issuer)
    found = Elsewhere(at.resource, person)
    yield found
    person.close()
    written = at.running.edges[0][0].output()
    secrets = [secret for tokens in found.storage.tokens for secret in (tokens.access_token, tokens.refresh_token or "")]
    assert [secret for secret in secrets if secret and secret in written] == []


def test_the_sdk_s_client_discovers_registers_logs_in_calls_and_starts_anew(at: Alone, visitor: Elsewhere) -> None:
    async def main() -> None:
        async with visitor.connected() as client:
            await asyncio.to_thread(wait_until, lambda: has_tools(at), "the tools are there")
            assert {"up_echo", "up_touch"} <= {tool.name for tool in (await client.list_tools()).tools}
            assert [set(asked["scope"].split()) for asked in visitor.asked] == [{"mesh.read", "offline_access"}]
            assert visitor.asked[0]["resource"] == at.resource
            assert await echoed(client)
        assert visitor.storage.client is not None
        assert visitor.storage.client.issuer == at.server.issuer
        async with visitor.connected() as client:
            assert await echoed(client)
            assert len(visitor.asked) == 1, "what it has kept is enough"

    asyncio.run(main())


def test_a_client_that_may_ask_for_more_steps_up_by_the_names_of_its_server(at: Alone, visitor: Elsewhere) -> None:
    """One that was set up there with all scopes: one that registers itself is held to those that it registered with."""
    known = at.server.client(at.resource)
    visitor.storage.client = OAuthClientInformationFull(
        client_id=known.client_id,
        redirect_uris=[AnyUrl(CALLBACK)],
        token_endpoint_auth_method="none",
        issuer=at.server.issuer,
    )

    async def main() -> None:
        async with visitor.connected() as client:
            assert await echoed(client)
            touched = await client.call_tool("up_touch", {"uri": "note://counter"})
            assert not touched.is_error
            assert [set(asked["scope"].split()) for asked in visitor.asked] == [
                {"mesh.read", "offline_access"},
                {"mesh.read", "mesh.write", "offline_access"},
            ]
            assert await echoed(client)

    asyncio.run(main())


async def echoed(client: SdkClient) -> bool:
    answer = await client.call_tool("up_echo", {"message": "through the mesh"})
    return answer.content[0].text == "through the mesh"  # type: ignore[union-attr]


def has_tools(at: Alone) -> bool:
    client = Client(at.edge.url, at.token())
    try:
        return {"up_echo", "up_touch"} <= set(client.tool_names())
    finally:
        client.close()


@pytest.mark.parametrize("path", ["/authorize", "/login", "/consent", "/token", "/register", "/revoke"])
def test_no_page_and_no_endpoint_of_a_log_in_is_there(at: Alone, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert httpx2.request(method, at.edge.url + path, trust_env=False).status_code == 404, method


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration", "oauth-authorization-server/mcp"])
def test_there_is_no_metadata_of_a_server_that_is_not_there(at: Alone, name: str) -> None:
    answer = at.edge.get(f"/.well-known/{name}")
    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})


def test_the_resource_names_the_other_server_alone(at: Alone) -> None:
    said = at.edge.get("/.well-known/oauth-protected-resource/mcp").json()
    assert said["authorization_servers"] == [at.server.issuer]
    assert said["scopes_supported"] == ["mesh.read", "mesh.write"]
    challenge = at.call("tmat_nothing").headers["www-authenticate"]
    assert challenge.endswith('scope="mesh.read"')


def test_a_browser_is_told_where_people_log_in(at: Alone) -> None:
    page = at.edge.get("/", accept="text/html").text
    assert f"You log in at <strong>{urlsplit(at.server.issuer).netloc}</strong>" in page
    assert "user name and password" not in page


def test_keys_rotate_and_a_new_one_is_found_after_one_look(at: Alone) -> None:
    at.server.keys[:] = [new_key("second"), *at.server.keys]
    at.server.stop()
    at.server.start()
    token = at.token()
    wait_until(lambda: at.call(token).status_code == 200, "the new key is known", 10)
    # The old one is gone from the server, and soon from here.
    old = at.server.keys.pop(1)
    at.server.stop()
    at.server.start()
    signed_before = at.server.sign(at.server.claims(at.resource), key=old)
    wait_until(lambda: at.call(signed_before).status_code == 401, "the old key counts no more", 10)
    assert at.call(token).status_code == 200


def test_invented_key_ids_make_no_flood_of_questions(at: Alone) -> None:
    assert at.call(at.token()).status_code == 200
    before, begun = at.server.fetches(), time.monotonic()
    for number in range(150):
        answer = at.call(at.token({"kid": f"invented-{number}"}))
        assert answer.status_code == 401
    elapsed = time.monotonic() - begun
    assert at.server.fetches() - before <= elapsed / RETRY_S + 2


def test_while_the_server_is_away_known_keys_count_on(at: Alone) -> None:
    token = at.token()
    assert at.call(token).status_code == 200
    at.server.stop()
    failed = "keys of an authorization server not fetched"
    try:
        wait_until(
            lambda: at.call(token).status_code == 200 and failed in at.running.edges[0][0].output(),
            "its keys were asked for in vain",
            10,
        )
        assert at.call(at.token(jti="another")).status_code == 200
        assert at.call(at.token({"kid": "unknown"})).status_code == 401
    finally:
        at.server.stop()
        at.server.start()
