"""The way in: the MCP endpoints by their exact path, everything else through Starlette.

A call would spend a tenth of the edge's time in middleware and routing that do nothing for it (docs/performance.md).
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class FrontDoor:
    """ASGI application."""

    def __init__(self, endpoints: Mapping[str, ASGIApp], rest: ASGIApp) -> None:
        self._endpoints = endpoints
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request, or the process's life, to whom it is for."""
        app = self._endpoints.get(scope["path"], self._rest) if scope["type"] == "http" else self._rest
        await app(scope, receive, send)
