"""admit → authenticate, for every transport of the endpoint: who may not come in is answered and recorded here."""

from collections.abc import Awaitable, Callable
from typing import Any

from edge.admit import Gate, Headers, read_headers
from edge.authenticate import Authenticator, challenge
from edge.cross_origin import CrossOrigin
from edge.exchange import Send
from edge.oauth.resource import described_path, metadata_url
from edge.problems import UNAUTHORIZED, Refusal, refusal_of
from edge.render import refusal_body, rpc_error
from edge.respond import send_json
from shared.errors import MeshError, Unauthenticated
from shared.identity import Principal

Denied = Callable[[str, Principal | None, str, str], None]
"""`(code, principal, tool, detail)`: record that a request was not let in."""
Serve = Callable[[Headers, Principal, Send], Awaitable[None]]
"""Serves a request that was let in; what it answers has to go over the `send` that it is given."""
ShowPage = Callable[[Any, Send], Awaitable[None]]
"""`(scope, send)`: answer a browser that opened the endpoint with the page that explains it."""


class Guard:
    """Lets requests in."""

    def __init__(
        self,
        gate: Gate,
        authenticator: Authenticator,
        cross_origin: CrossOrigin,
        denied: Denied,
        *,
        public_url: str,
        scope: Callable[[], str],
        show_page: ShowPage,
    ) -> None:
        """`scope`: what a client without a token is told to ask for now; empty where there is nothing to log in at."""
        self._gate = gate
        self._authenticator = authenticator
        self._cross_origin = cross_origin
        self._denied = denied
        self._public_url = public_url
        self._scope = scope
        self._show_page = show_page

    async def let_in(self, scope: Any, send: Send, serve: Serve) -> None:
        """Let a request in and serve it; whatever it is refused for is answered and recorded."""
        principal: Principal | None = None
        path = scope["path"]
        try:
            headers = read_headers(scope["headers"])
            self._gate.knock(headers)
            if (origin := headers.get("origin")) is not None:
                send = self._cross_origin.readable(origin, send)
            if scope["method"] == "OPTIONS":
                await self._cross_origin.preflight(send)
                return
            if scope["method"] == "GET" and _is_browser(headers):
                await self._show_page(scope, send)
                return
            principal = await self._authenticator.authenticate(headers, path, scope["query_string"])
            await serve(headers, principal, send)
        except Unauthenticated as error:
            self._denied(error.code, None, "", error.detail)
            metadata = metadata_url(self._public_url, described_path(path))
            await send_json(
                send,
                401,
                rpc_error(None, UNAUTHORIZED, error.detail),
                [challenge(error, metadata, self._scope()), (b"cache-control", b"no-store")],
            )
        except Refusal as refusal:
            self._denied(refusal.code, principal, "", refusal.message)
            await send_json(send, refusal.http_status, refusal_body(refusal), refusal.headers)
        except MeshError as error:
            self._denied(error.code, principal, "", error.detail)
            answer = refusal_of(error)
            await send_json(send, answer.http_status, refusal_body(answer), answer.headers)


def _is_browser(headers: Headers) -> bool:
    """Whether a person's browser opened the URL: no MCP client asks for HTML."""
    return "text/html" in headers.get("accept", "") and "authorization" not in headers
