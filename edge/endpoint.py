"""The MCP endpoint: admit → authenticate → parse, then a request for a backend, or one that the edge answers by itself.

The bytes of arguments and results pass untouched in both eras (docs/performance.md). Streamable HTTP, MCP 2025-03-26 to
2026-07-28, basic/transports.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
import structlog

from edge.admit import Gate, Headers, Receive
from edge.authorize import Authorizer
from edge.calls import Calls
from edge.exchange import Exchange, Send
from edge.guard import Denied, Guard
from edge.introduction import Introduction, read_hello
from edge.methods import Methods
from edge.outgoing import Outbox
from edge.own_tools import OwnTools
from edge.parse import Filling, Message, Reply, parse_message
from edge.problems import INTERNAL_ERROR, INVALID_REQUEST, Refusal, refusal_of, rendering_of
from edge.render import error_response, refusal_body, rpc_error, rpc_result
from edge.respond import Responder, send_json
from edge.sessions.store import Session, Sessions
from edge.step_up import StepUp
from shared.errors import InsufficientScope, MeshError
from shared.identity import Principal
from shared.settings import Settings

log = structlog.get_logger()

Scope = Any


class Inbound(Protocol):
    """What a client of a session says beside its requests."""

    async def answer(self, session: Session, request_id: str, body: bytes) -> None:
        """It answered a request of a backend; `body` is an object with `result` or `error`. Unknown ids are let pass."""
        ...

    async def cancel(self, session: Session, rpc_id: object) -> None:
        """It no longer wants the answer to a request of its own. Unknown ids are let pass."""
        ...


Stream = Callable[[Exchange], Awaitable[None]]
"""Answers a request with a stream that stays open."""

_encode = msgspec.json.Encoder().encode
_TO_BACKENDS = frozenset({"tools/call", "prompts/get", "resources/read", "completion/complete"})
_SESSION_HEADER = "mcp-session-id"
_ONE_BACKEND = "/mcp/b/"


class McpEndpoint:
    """ASGI application for the MCP endpoints: `/mcp`, and `/mcp/b/{backend}` for one backend under its own names."""

    def __init__(
        self,
        guard: Guard,
        gate: Gate,
        outbox: Outbox,
        calls: Calls,
        methods: Methods,
        introduction: Introduction,
        sessions: Sessions,
        inbound: Inbound,
        responder: Responder,
        own_tools: OwnTools,
        authorizer: Authorizer,
        step_up: StepUp,
        settings: Settings,
        *,
        filling: Filling,
        backends: frozenset[str],
        standing: Stream,
        listen: Stream,
        denied: Denied,
    ) -> None:
        """`filling`: what a request is taken to say that leaves something out. `standing` answers the GET of a session,
        `listen` answers `subscriptions/listen`."""
        self.guard = guard
        """Also lets in what comes over other transports."""
        self._gate = gate
        self._outbox = outbox
        self._calls = calls
        self._methods = methods
        self._introduction = introduction
        self._sessions = sessions
        self._inbound = inbound
        self._responder = responder
        self._own_tools = own_tools
        self._authorizer = authorizer
        self._step_up = step_up
        self._filling = filling
        self._backends = backends
        self._standing = standing
        self._listen = listen
        self._depth_max = settings.json_depth_max
        self._body_read_s = settings.body_read_s
        self._denied = denied

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        await self.guard.let_in(
            scope, send, lambda headers, principal, answer: self._serve(scope, headers, principal, receive, answer)
        )

    async def _serve(self, scope: Scope, headers: Headers, principal: Principal, receive: Receive, send: Send) -> None:
        backend = self._backend_of(scope["path"], principal)
        session_id = headers.get(_SESSION_HEADER)
        method = scope["method"]
        if method == "POST" or session_id is None:
            body = await self.read(method, headers, receive)
            await self.take(principal, backend, session_id, body, headers, scope["headers"], receive, send)
        else:
            await self._on_session(method, principal, backend, session_id, headers, receive, send)

    def _backend_of(self, path: str, principal: Principal) -> str | None:
        """The one backend that a path names; None for the endpoint of all. Raises Refusal 404 for one that is not there, or
        of which the principal may use nothing."""
        if not path.startswith(_ONE_BACKEND):
            return None
        name = path.removeprefix(_ONE_BACKEND).removesuffix("/")
        if name not in self._backends or not self._authorizer.may_enter(principal, name):
            raise Refusal(404, INVALID_REQUEST, "There is no such endpoint.", code="unknown_endpoint")
        return name

    async def read(self, method: str, headers: Headers, receive: Receive) -> bytes:
        """The body of a POST. Raises Refusal."""
        self._gate.check_shape(method, headers)
        try:
            async with asyncio.timeout(self._body_read_s):
                return await self._gate.read_body(receive)
        except TimeoutError:
            raise Refusal(
                408, INVALID_REQUEST, "The body did not come in time.", headers=[(b"connection", b"close")]
            ) from None

    async def _on_session(
        self,
        method: str,
        principal: Principal,
        backend: str | None,
        session_id: str,
        headers: Headers,
        receive: Receive,
        send: Send,
    ) -> None:
        """GET (the stream of a session) and DELETE (its end)."""
        session = await self._session(principal, backend, session_id)
        if method == "GET":
            message = Message("legacy", "", None, {})
            await self._standing(
                Exchange(
                    principal=principal,
                    message=message,
                    body=b"",
                    headers=headers,
                    backend=backend,
                    session=session,
                    receive=receive,
                    send=send,
                )
            )
        elif method == "DELETE":
            await self._sessions.end(session)
            await _send_empty(send, 204)
        else:
            raise Refusal(405, INVALID_REQUEST, "Use POST, GET or DELETE.", headers=[(b"allow", b"POST, GET, DELETE")])

    async def _session(self, principal: Principal, backend: str | None, session_id: str, rpc_id: Any = None) -> Session:
        session = await self._sessions.find(principal, backend, session_id)
        if session is None:
            raise Refusal(404, INVALID_REQUEST, "Session not found. Initialize again.", rpc_id=rpc_id)
        return session

    async def take(
        self,
        principal: Principal,
        backend: str | None,
        session: Session | str | None,
        body: bytes,
        headers: Headers,
        raw_headers: list[tuple[bytes, bytes]],
        receive: Receive,
        send: Send,
    ) -> None:
        """Take one message of an authenticated client, and answer it. `session`: the session, or the id that was sent.

        Raises Refusal, MeshError.
        """
        message = parse_message(body, headers, raw_headers, self._depth_max, self._filling)
        legacy = isinstance(message, Reply) or message.era == "legacy"
        if not legacy or (isinstance(message, Message) and message.method == "initialize" and isinstance(session, str)):
            session = None
        elif isinstance(session, str):
            session = await self._session(principal, backend, session, message.id)
        if isinstance(message, Reply):
            if session is None:
                raise Refusal(400, INVALID_REQUEST, "Nobody was asked anything outside of a session.")
            await self._inbound.answer(session, str(message.id), message.body)
            await _send_empty(send, 202)
        elif message.id is None:
            if session is not None and message.method == "notifications/cancelled":
                await self._inbound.cancel(session, message.params.get("requestId"))
            await _send_empty(send, 202)
        else:
            exchange = Exchange(
                principal=principal,
                message=message,
                body=body,
                headers=headers,
                backend=backend,
                session=session,
                receive=receive,
                send=send,
            )
            await self._answer(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        """Answer a request."""
        message = exchange.message
        try:
            if message.method == "tools/call" and (own := self._own_tools.meant(exchange)) is not None:
                started = await own.answer(exchange)
                if started is None:
                    return
                running = started
            elif message.method in _TO_BACKENDS:
                running = await self._calls.start(exchange, self._outbox.prepare(exchange))
            elif message.method == "initialize" and message.era == "legacy":
                await self._initialize(exchange)
                return
            elif message.method == "subscriptions/listen" and message.era == "modern":
                await self._listen(exchange)
                return
            else:
                result = await self._methods.answer(exchange)
                await send_json(exchange.send, 200, rpc_result(message.id, _encode(result), message.era))
                return
        except MeshError as error:
            await self._refuse(exchange, error)
            return
        except Refusal:
            raise
        except Exception:
            log.exception("request not answered", method=message.method[:64])
            await send_json(exchange.send, 500, rpc_error(message.id, INTERNAL_ERROR, "Internal error"))
            return
        await self._responder.answer(exchange, running)

    async def _initialize(self, exchange: Exchange) -> None:
        version, client = read_hello(exchange.message)
        headers: list[tuple[bytes, bytes]] = []
        if exchange.session is None:
            session_id, _ = await self._sessions.create(
                exchange.principal, exchange.backend, version=version, client=client
            )
            headers.append((_SESSION_HEADER.encode(), session_id.encode()))
        else:
            await self._sessions.change(exchange.session, version=version, client=client)
        result = self._introduction.initialized(exchange.principal, exchange.backend, version)
        await send_json(exchange.send, 200, rpc_result(exchange.message.id, _encode(result), "legacy"), headers)

    async def _refuse(self, exchange: Exchange, error: MeshError) -> None:
        """Answer a request that was not started."""
        message = exchange.message
        subject = message.params.get("name")
        self._denied(error.code, exchange.principal, subject[:128] if isinstance(subject, str) else "", error.detail)
        if isinstance(error, InsufficientScope):
            await send_json(exchange.send, *self._step_up.render(exchange, error))
        elif rendering_of(error).kind == "rpc" or message.method not in _TO_BACKENDS:
            refusal = refusal_of(error, message.id, message.era)
            await send_json(exchange.send, refusal.http_status, refusal_body(refusal), refusal.headers)
        else:
            await send_json(exchange.send, *error_response(message, error, ""))


async def _send_empty(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0")] if status != 204 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
