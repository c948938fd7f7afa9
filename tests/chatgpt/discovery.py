"""What an agent finds out before anybody logs in, in the order in which it asks (RFC 9728, RFC 8414; MCP, authorization
server discovery)."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.chatgpt.wire import Wire

RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


@dataclass(frozen=True)
class Discovered:
    """All that it knows then."""

    challenge: dict[str, str]
    """Parameters of `WWW-Authenticate`; empty for an agent that read the documents without asking for anything."""
    resource: dict[str, Any]
    server: dict[str, Any]

    @property
    def issuer(self) -> str:
        return str(self.server["issuer"])

    @property
    def scope(self) -> str:
        """What it asks for: what the challenge says, and what keeps the link alive, where that is offered."""
        wanted = self.challenge.get("scope") or " ".join(self.resource["scopes_supported"])
        return f"{wanted} offline_access" if "offline_access" in self.server["scopes_supported"] else wanted


def challenge_of(answer: httpx2.Response) -> dict[str, str]:
    """The challenge of an answer that asks for a log-in (RFC 6750 section 3, RFC 9728 section 5.1)."""
    assert answer.status_code == 401, f"{answer.status_code}: {answer.text[:600]}"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    header = answer.headers["www-authenticate"]
    assert header.startswith("Bearer "), header
    found = dict(_PARAMETER.findall(header))
    assert ", ".join(f'{name}="{value}"' for name, value in found.items()) == header.removeprefix("Bearer ")
    return found


def discover(wire: Wire, refused: httpx2.Response, path: str = "/mcp") -> Discovered:
    """From the answer to a request without a token to the metadata of the authorization server. Asserts what each agent
    that is known checks on its way, and stops for."""
    challenge = challenge_of(refused)
    assert "error" not in challenge, "nothing was wrong: there was no token"
    return Discovered(challenge, _resource(wire, challenge["resource_metadata"], path), _server(wire))


def document(wire: Wire, url: str) -> dict[str, Any]:
    """A JSON document; no redirect, no page."""
    answer = wire.get(url, accept="application/json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), (url, answer.text[:300])
    return dict(answer.json())


def _resource(wire: Wire, by_header: str, path: str) -> dict[str, Any]:
    """By the header, at the path form, at the root: one agent asks for this, another for that."""
    by_path = f"{wire.url}{RESOURCE}{path}"
    assert by_header == by_path, "an agent that finds no header looks there"
    found = document(wire, by_header)
    assert found["resource"] == f"{wire.url}{path}"
    assert found["authorization_servers"][0] == wire.url, "Claude takes the first alone"
    assert found["bearer_methods_supported"] == ["header"]
    assert "offline_access" not in found["scopes_supported"]
    if path == "/mcp":
        assert document(wire, f"{wire.url}{RESOURCE}") == found
    return found


def _server(wire: Wire) -> dict[str, Any]:
    """The issuer has no path: the first form is there, and the forms that are not there say so in JSON."""
    found = document(wire, f"{wire.url}{SERVER}")
    for missing in (OPENID, f"{SERVER}/mcp", f"{OPENID}/mcp"):
        absent = wire.get(f"{wire.url}{missing}", accept="application/json")
        assert (absent.status_code, absent.headers["content-type"]) == (404, "application/json"), missing
    assert found["issuer"] == wire.url
    ends = {name: url for name, url in found.items() if name.endswith("_endpoint")}
    assert ends.keys() >= {"authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"}
    assert all(url.startswith(f"{wire.url}/") and url.startswith("https://") for url in ends.values()), ends
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["client_id_metadata_document_supported"] is True
    methods = set(found["token_endpoint_auth_methods_supported"])
    assert methods == {"none", "client_secret_post", "client_secret_basic", "private_key_jwt"}
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS256"], "or private_key_jwt must not be listed"
    assert {"code"} == set(found["response_types_supported"])
    assert {"authorization_code", "refresh_token"} == set(found["grant_types_supported"])
    assert not {"openid", "email", "profile"} & set(found["scopes_supported"]), "each of these would be asked for"
    assert "offline_access" in found["scopes_supported"], "or the link ends with the access token"
    return found
