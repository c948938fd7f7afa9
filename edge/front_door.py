"""The way in: the MCP endpoints by their exact path, everything else through Starlette.

A call would spend a tenth of the edge's time in middleware and routing that do nothing for it (docs/performance.md).
"""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class FrontDoor:
    """ASGI application."""

    def __init__(self, endpoints: Mapping[str, ASGIApp], below: Mapping[str, ASGIApp], rest: ASGIApp) -> None:
        """`endpoints`: by exact path; `below`: by the prefix of their paths."""
        self._endpoints = endpoints
        self._below = tuple(below.items())
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request, or the process's life, to whom it is for."""
        await self._find(scope)(scope, receive, send)

    def _find(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "http":
            return self._rest
        path = scope["path"]
        app = self._endpoints.get(path)
        if app is None:
            app = next((app for prefix, app in self._below if path.startswith(prefix)), self._rest)
        return app
