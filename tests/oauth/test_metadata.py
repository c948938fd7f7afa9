"""What a client finds at the well-known paths (RFC 9728, RFC 8414), whatever it says of where it came from."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.client import Client
from tests.mesh import Mesh, mesh

PUBLIC = "https://toolmesh.example.com/base"
RESOURCE, SERVER = "/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server"
SPOOFS = {
    "host": {"host": "evil.example"},
    "host with a port": {"host": "evil.example:443"},
    "forwarded host": {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-forwarded-port": "444"},
    "forwarded": {"forwarded": "for=1.2.3.4;host=evil.example;proto=https"},
    "prefix": {"x-forwarded-prefix": "/evil", "x-original-url": "/evil", "x-rewrite-url": "/evil"},
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with mesh(tmp_path_factory.mktemp("mesh"), TOOLMESH_AUTH_PASSWORD="the owner's own password") as found:
        yield found


@pytest.fixture(scope="module")
def edge(running: Mesh) -> Client:
    """An edge at the root of its host."""
    return running.start_edge()


@pytest.fixture(scope="module")
def below(running: Mesh) -> Client:
    """An edge whose public URL has a path, which does not register clients, and looks like an OpenID provider."""
    return running.start_edge(
        TOOLMESH_ISSUER=PUBLIC, TOOLMESH_CLIENT_REGISTRATION="off", TOOLMESH_OPENID_CONFIGURATION="true"
    )


def document(edge: Client, path: str, **headers: str) -> dict[str, Any]:
    answer = edge.get(path, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def assert_json_404(answer: httpx2.Response) -> None:
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"error": "not_found"}
    assert "www-authenticate" not in answer.headers


# The resource.


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("", "/mcp"),
        ("/mcp", "/mcp"),
        ("/mcp/", "/mcp/"),
        ("/mcp/b/github", "/mcp/b/github"),
        ("/mcp/b/github/", "/mcp/b/github/"),
        ("/sse", "/sse"),
    ],
)
def test_a_resource_is_described_at_the_path_that_follows_from_its_url(edge: Client, path: str, resource: str) -> None:
    assert document(edge, RESOURCE + path) == {
        "resource": edge.url + resource,
        "authorization_servers": [edge.url],
        "scopes_supported": ["tools:read", "tools:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "ToolMesh",
    }


def test_the_challenge_leads_to_the_description_of_what_was_asked_for(edge: Client) -> None:
    for path in ("/mcp", "/mcp/b/github", "/sse"):
        challenge = edge.get(path, accept="text/event-stream").headers["www-authenticate"]
        url = challenge.partition('resource_metadata="')[2].partition('"')[0]
        assert document(edge, url.removeprefix(edge.url))["resource"] == edge.url + path


def test_a_resource_of_a_public_url_with_a_path_is_described_behind_that_path(below: Client) -> None:
    for path, resource in (("", "/mcp"), ("/base/mcp", "/mcp"), ("/base/sse", "/sse")):
        found = document(below, RESOURCE + path)
        assert found["resource"] == PUBLIC + resource
        assert found["authorization_servers"] == [PUBLIC]


# The authorization server.


def test_the_authorization_server_says_all_that_a_client_has_to_know(edge: Client) -> None:
    methods = ["none", "private_key_jwt", "client_secret_basic", "client_secret_post"]
    assert document(edge, SERVER) == {
        "issuer": edge.url,
        "authorization_endpoint": f"{edge.url}/authorize",
        "token_endpoint": f"{edge.url}/token",
        "registration_endpoint": f"{edge.url}/register",
        "revocation_endpoint": f"{edge.url}/revoke",
        "scopes_supported": ["tools:read", "tools:write", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }


@pytest.mark.parametrize(
    "path", [SERVER, f"{SERVER}/base", "/.well-known/openid-configuration", "/.well-known/openid-configuration/base"]
)
def test_a_public_url_with_a_path_is_put_behind_the_well_known_part(below: Client, path: str) -> None:
    """And where the operator wants it, the same document is at the paths of OpenID Connect Discovery."""
    found = document(below, path)
    assert found["issuer"] == PUBLIC
    assert found["token_endpoint"] == f"{PUBLIC}/token"
    assert found == document(below, SERVER)


def test_where_nobody_can_register_it_is_not_announced_and_says_so(below: Client) -> None:
    assert "registration_endpoint" not in document(below, SERVER)
    answer = httpx2.post(f"{below.url}/register", json={"redirect_uris": ["https://a.example/"]}, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (403, "access_denied")
    assert answer.headers["access-control-allow-origin"] == "*"


# Everything else.


@pytest.mark.parametrize(
    "path",
    [
        "openid-configuration",
        "openid-configuration/mcp",
        "oauth-authorization-server/mcp",
        "oauth-authorization-server/base",
        "oauth-protected-resource/other",
        "oauth-protected-resource/mcp/b/",
        "oauth-protected-resource/mcp//",
        "oauth-protected-resource/mcp/b/..%2f..",
        "oauth-protected-resource/base/mcp",
        "security.txt",
        "",
        "a/b/c",
    ],
)
def test_every_other_well_known_document_is_a_json_404(edge: Client, path: str) -> None:
    assert_json_404(edge.get(f"/.well-known/{path}"))


@pytest.mark.parametrize("path", [RESOURCE, f"{RESOURCE}/mcp", SERVER])
@pytest.mark.parametrize("headers", SPOOFS.values(), ids=SPOOFS)
def test_no_header_of_a_request_changes_a_url(edge: Client, path: str, headers: dict[str, str]) -> None:
    found = edge.get(path, **headers)
    assert "evil" not in found.text
    assert "evil" not in str(found.headers)
    if found.status_code == 200:
        assert found.json() == document(edge, path)
    else:
        assert "host" in headers, "only a host that is not ours may be refused"
        assert 400 <= found.status_code < 500


@pytest.mark.parametrize("path", [RESOURCE, SERVER])
def test_a_document_may_be_kept_for_minutes_and_asked_for_by_its_head(edge: Client, path: str) -> None:
    assert edge.get(path).headers["cache-control"] == "max-age=300"
    head = httpx2.head(edge.url + path, trust_env=False)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Basic nonsense", "Bearer"])
def test_discovery_needs_no_credential_and_looks_at_none(edge: Client, header: str) -> None:
    """Whoever is asked to log in here would never find out how."""
    assert document(edge, SERVER, authorization=header)["issuer"] == edge.url
    assert_json_404(edge.get("/.well-known/other", authorization=header))
