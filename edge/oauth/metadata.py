"""What clients discover: the resource's metadata (RFC 9728) and the authorization server's (RFC 8414).

Every URL in it comes from the configuration, never from the request.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.external.servers import Servers
from edge.oauth.assertion import ALGORITHMS
from edge.oauth.grant_rules import AUTH_METHODS
from edge.oauth.resource import is_resource, resource_url
from shared import scopes
from shared.settings import Settings

Endpoint = Callable[[Request], Awaitable[Response]]

_HEADERS = {"cache-control": "max-age=300", "access-control-allow-origin": "*", "x-content-type-options": "nosniff"}


def protected_resource(public_url: str, servers: Callable[[], Servers] | None) -> Endpoint:
    """The document of a resource, at the well-known path itself (of `/mcp`) or with the resource's path behind it.

    `servers`: the authorization servers now; without any only keys work, and for None nobody has to log in.
    """
    own_path = urlsplit(public_url).path

    async def endpoint(request: Request) -> Response:
        rest = request.path_params.get("rest", "")
        path = f"/{rest}".removeprefix(own_path) if rest else "/mcp"
        if not is_resource(path):
            return await not_found(request)
        document: dict[str, Any] = {"resource": resource_url(public_url, path)}
        known = servers() if servers is not None else None
        if known is not None and known.listed:
            document |= {"authorization_servers": list(known.listed), "scopes_supported": list(known.names.all)}
        document |= {"bearer_methods_supported": ["header"], "resource_name": "ToolMesh"}
        return JSONResponse(document, headers=_HEADERS)

    return endpoint


def authorization_server(public_url: str, settings: Settings) -> Endpoint:
    """The document of the authorization server; `issuer` is the public URL, byte for byte."""
    document: dict[str, Any] = {
        "issuer": public_url,
        "authorization_endpoint": f"{public_url}/authorize",
        "token_endpoint": f"{public_url}/token",
        "revocation_endpoint": f"{public_url}/revoke",
        "scopes_supported": list(scopes.ALL),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": AUTH_METHODS,
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
    }
    if settings.client_registration == "open":
        document["registration_endpoint"] = f"{public_url}/register"

    async def endpoint(request: Request) -> Response:
        return JSONResponse(document, headers=_HEADERS)

    return endpoint


async def not_found(request: Request) -> Response:
    """Every other well-known document: a JSON 404, which discovery understands."""
    return JSONResponse({"error": "not_found"}, 404, {"access-control-allow-origin": "*"})
