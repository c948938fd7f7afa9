"""All that the edge takes from the MCP SDK's provisional seams: everything of MCP but `tools/call`.

The lowlevel `Server` speaks both eras; one gateway middleware answers what is ours with plain dicts, which the SDK sends as
they are (a typed result would lose unknown members). No session is kept: every request stands for itself, on any edge.
`tests/edge/test_sdk_seams.py` fails when the SDK moves what is used here.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import mcp_types as types
import structlog
from mcp.server.context import CallNext, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.types import ASGIApp

from edge.problems import INTERNAL_ERROR, INVALID_PARAMS
from shared.errors import InvalidParams
from shared.identity import Principal

log = structlog.get_logger()

ListTools = Callable[[Principal, object], dict[str, Any]]
"""`(principal, cursor) -> ListToolsResult` as a dict. Raises InvalidParams."""

PRINCIPAL_KEY = "toolmesh.principal"
"""Where the endpoint leaves the principal in the ASGI scope."""

_MODERN = "2026-07-28"
_INSTRUCTIONS = (
    "ToolMesh gives you the tools of several systems under one address. Tool names start with the name of their system. "
    "A result that says outcome_unknown means that a change may have happened: check before you repeat it."
)


async def _never(context: Any, params: Any) -> Any:
    raise MCPError(types.INTERNAL_ERROR, "This method is answered before it gets here.")


class Shell:
    """The SDK's server as an ASGI application."""

    def __init__(self, list_tools: ListTools, *, list_ttl_ms: int) -> None:
        self._list_tools = list_tools
        self._list_ttl_ms = list_ttl_ms
        self._server: Server[dict[str, Any]] = Server(
            "toolmesh",
            version=version("toolmesh"),
            title="ToolMesh",
            instructions=_INSTRUCTIONS,
            # Registered so that capabilities are declared; the gateway answers before they are reached.
            on_list_tools=_never,
            on_call_tool=_never,
            get_tool_input_schema=lambda name: None,
        )
        self._server.middleware.clear()  # the SDK's tracing; ours is elsewhere
        self._server.middleware.append(self._gateway)
        self._manager = StreamableHTTPSessionManager(self._server, stateless=True, json_response=True)

    @property
    def asgi(self) -> ASGIApp:
        """Answers one HTTP request whose body has been checked."""
        return self._manager.handle_request

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The server's life; once per object."""
        async with self._manager.run():
            yield

    async def _gateway(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> Any:
        if ctx.method != "tools/list" or ctx.request_id is None:
            return await call_next(ctx)
        principal: Principal = ctx.request.scope[PRINCIPAL_KEY]  # type: ignore[union-attr]
        try:
            result = self._list_tools(principal, (ctx.params or {}).get("cursor"))
        except InvalidParams as error:
            raise MCPError(INVALID_PARAMS, error.detail) from error
        except Exception as error:
            # The SDK would write the text of an exception into a 2025-era answer.
            log.exception("tools not listed")
            raise MCPError(INTERNAL_ERROR, "Internal error") from error
        if ctx.protocol_version == _MODERN:
            # Lists differ from user to user: never for a shared cache.
            result |= {"resultType": "complete", "ttlMs": self._list_ttl_ms, "cacheScope": "private"}
        return result
