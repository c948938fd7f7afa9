"""The MCP endpoint: admit → authenticate → parse, then a call through the mesh, or everything else through the SDK.

`tools/call` of both eras goes a way of its own: the bytes of arguments and results pass untouched, and it costs a quarter
of the SDK's way (docs/performance.md).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from edge.admit import Gate, Headers, Receive, read_headers
from edge.authenticate import Authenticator, challenge
from edge.calls import Calls
from edge.parse import Message, parse_call, parse_message
from edge.problems import INTERNAL_ERROR, INVALID_REQUEST, UNAUTHORIZED, Refusal, refusal_of, rendering_of
from edge.render import error_response, refusal_body, rpc_error
from edge.respond import Responder, Send, send_json
from edge.sdk import PRINCIPAL_KEY, Shell
from shared.errors import MeshError, Unauthenticated
from shared.identity import Principal
from shared.settings import Settings

log = structlog.get_logger()

Scope = Any
Denied = Callable[[str, Principal | None, str, str], None]
"""`(code, principal, tool, detail)`: record that a request was not let in."""


class McpEndpoint:
    """ASGI application for one MCP endpoint."""

    def __init__(
        self,
        gate: Gate,
        authenticator: Authenticator,
        calls: Calls,
        shell: Shell,
        settings: Settings,
        *,
        resource_metadata: str,
        denied: Denied,
    ) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._calls = calls
        self._shell = shell
        self._responder = Responder(calls, settings)
        self._depth_max = settings.json_depth_max
        self._body_read_s = settings.body_read_s
        self._resource_metadata = resource_metadata
        self._denied = denied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        principal: Principal | None = None
        try:
            headers = read_headers(scope["headers"])
            self._gate.knock(headers)
            principal = self._authenticator.authenticate(headers)
            self._gate.check_shape(scope["method"], headers)
            body = await self._read(receive)
            message = parse_message(body, headers, scope["headers"], self._depth_max)
            if message.era == "legacy" and "mcp-session-id" in headers and message.method != "initialize":
                raise Refusal(404, INVALID_REQUEST, "Session not found. Initialize again.", rpc_id=message.id)
            if message.id is None:
                # Nothing to act on: no session is kept, and a cancel by a client-chosen id could be another's.
                await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body", "body": b""})
            elif message.method == "tools/call":
                await self._call(principal, message, body, headers, receive, send)
            else:
                scope[PRINCIPAL_KEY] = principal
                await self._shell.asgi(scope, _replay(body, receive), send)
        except Unauthenticated as error:
            self._denied(error.code, None, "", error.detail)
            await send_json(
                send,
                401,
                rpc_error(None, UNAUTHORIZED, error.detail),
                [challenge(error, self._resource_metadata), (b"cache-control", b"no-store")],
            )
        except Refusal as refusal:
            self._denied(refusal.code, principal, "", refusal.message)
            await send_json(send, refusal.http_status, refusal_body(refusal), refusal.headers)

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_read_s):
                return await self._gate.read_body(receive)
        except TimeoutError:
            raise Refusal(
                408, INVALID_REQUEST, "The body did not come in time.", headers=[(b"connection", b"close")]
            ) from None

    async def _call(
        self, principal: Principal, message: Message, body: bytes, headers: Headers, receive: Receive, send: Send
    ) -> None:
        params = parse_call(body, message)
        try:
            running = await self._calls.start(principal, message, params, headers)
        except MeshError as error:
            self._denied(error.code, principal, params.name, error.detail)
            if rendering_of(error).kind == "rpc":
                refusal = refusal_of(error, message.id)
                await send_json(send, refusal.http_status, refusal_body(refusal), refusal.headers)
            else:
                await send_json(send, 200, error_response(message.id, error, "", message.era))
            return
        except Refusal:
            raise
        except Exception:
            log.exception("call not started", tool=params.name)
            await send_json(send, 500, rpc_error(message.id, INTERNAL_ERROR, "Internal error"))
            return
        await self._responder.answer(running, message, params, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read already, then what comes after it."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return pending.pop() if pending else await receive()

    return replayed
