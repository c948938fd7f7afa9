"""Which web pages may call the MCP endpoints and read the answers (Fetch standard, "CORS protocol";
`TOOLMESH_CORS_ORIGINS`).

Credentials are bearer tokens, never cookies, so none of the answers says `Allow-Credentials`. A page of another origin is
refused before it gets here (`edge/admit.py`).
"""

from collections.abc import MutableMapping
from typing import Any

from edge.exchange import Send

_EXPOSED = b"Mcp-Session-Id, WWW-Authenticate, Retry-After"
# `*` is for headers that tools ask for (`Mcp-Param-…`), whose names are not known here. It does not cover Authorization.
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Accept, Mcp-Protocol-Version, Mcp-Session-Id, Mcp-Method, Mcp-Name, Last-Event-ID, "
        b"Idempotency-Key, *",
    ),
    (b"access-control-max-age", b"86400"),
    (b"content-length", b"0"),
]


class CrossOrigin:
    """Puts the headers on."""

    def readable(self, origin: str, send: Send) -> Send:
        """An answer that pages of this origin, which was let in, may read."""
        headers = [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", _EXPOSED),
            (b"vary", b"Origin"),
        ]

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *headers]}
            await send(message)

        return sending

    async def preflight(self, send: Send) -> None:
        """Answer the question that a browser asks before the request."""
        await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
        await send({"type": "http.response.body", "body": b""})
