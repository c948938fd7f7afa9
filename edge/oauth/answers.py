"""How the OAuth endpoints for clients answer: JSON that nobody stores, readable from any web page (RFC 6749 section 5)."""

import math
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from edge.oauth.parameters import BadParameters
from edge.oauth.server import Answer

FOR_ANY_PAGE = {"access-control-allow-origin": "*"}
"""Nothing here depends on a cookie, so any page's script may read it (CORS without credentials)."""
NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}
_FORM = "application/x-www-form-urlencoded"


class TooLarge(Exception):
    """The body is larger than it may be."""


class WrongMediaType(BadParameters):
    """The body is of a type that is not read here."""


def json_answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return JSONResponse(
        body, status, {**FOR_ANY_PAGE, **NOT_STORED, "x-content-type-options": "nosniff", **(headers or {})}
    )


def error_answer(status: int, error: str, description: str, *, retry_after_s: float | None = None) -> Response:
    """An error of RFC 6749 section 5.2."""
    headers = {"retry-after": str(max(1, math.ceil(retry_after_s)))} if retry_after_s is not None else None
    return json_answer(status, {"error": error, "error_description": description}, headers)


def answer_of(answer: Answer) -> Response:
    """What the library answered, without its headers: they are ours already, and its challenge is for clients that used the
    Authorization header."""
    return json_answer(answer.status, answer.body)


async def preflight(request: Request) -> Response:
    """OPTIONS of an endpoint for clients (CORS)."""
    return Response(
        status_code=204,
        headers={
            **FOR_ANY_PAGE,
            "access-control-allow-methods": "GET, POST, OPTIONS",
            "access-control-allow-headers": "authorization, content-type, mcp-protocol-version",
            "access-control-max-age": "86400",
        },
    )


async def read_body(request: Request, bytes_max: int, media_type: str = _FORM) -> bytes:
    """The whole body. Raises WrongMediaType, BadParameters (a client that goes away), TooLarge."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise WrongMediaType(f"Send the body as {media_type}.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise BadParameters("Send the body without Content-Encoding.")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or len(length) > 18 or int(length) > bytes_max:
        raise TooLarge
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise TooLarge
    except ClientDisconnect as cause:
        raise BadParameters("The connection was closed before the body was complete.") from cause
    return body
