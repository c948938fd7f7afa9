"""Protected Resource Metadata (RFC 9728), in its minimal form: this release authenticates by API key only."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Endpoint = Callable[[Request], Awaitable[Response]]


def resource_metadata_url(public_url: str) -> str:
    """Where the metadata of the resource `<public_url>/mcp` lies (RFC 9728 section 3.1)."""
    return f"{public_url}/.well-known/oauth-protected-resource/mcp"


def protected_resource(public_url: str) -> Endpoint:
    """The document; every URL in it comes from the configuration, never from the request."""
    document = {
        "resource": f"{public_url}/mcp",
        "bearer_methods_supported": ["header"],
        "resource_name": "ToolMesh",
    }

    async def endpoint(request: Request) -> Response:
        return JSONResponse(document, headers={"cache-control": "max-age=300", "access-control-allow-origin": "*"})

    return endpoint


async def not_found(request: Request) -> Response:
    """Every other well-known document: a JSON 404, which discovery understands."""
    return JSONResponse({"error": "not_found"}, 404)
