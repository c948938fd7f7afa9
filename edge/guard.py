"""admit → authenticate, for every transport of the endpoint: who may not come in is answered and recorded here."""

from collections.abc import Awaitable, Callable
from typing import Any

from edge.admit import Gate, Headers, read_headers
from edge.authenticate import Authenticator, challenge
from edge.exchange import Send
from edge.problems import UNAUTHORIZED, Refusal, refusal_of
from edge.render import refusal_body, rpc_error
from edge.respond import send_json
from shared.errors import MeshError, Unauthenticated
from shared.identity import Principal

Denied = Callable[[str, Principal | None, str, str], None]
"""`(code, principal, tool, detail)`: record that a request was not let in."""


class Guard:
    """Lets requests in."""

    def __init__(self, gate: Gate, authenticator: Authenticator, denied: Denied, *, resource_metadata: str) -> None:
        self._gate = gate
        self._authenticator = authenticator
        self._denied = denied
        self._resource_metadata = resource_metadata

    async def let_in(self, scope: Any, send: Send, serve: Callable[[Headers, Principal], Awaitable[None]]) -> None:
        """Let a request in and serve it; whatever it is refused for is answered and recorded."""
        principal: Principal | None = None
        try:
            headers = read_headers(scope["headers"])
            self._gate.knock(headers)
            principal = self._authenticator.authenticate(headers)
            await serve(headers, principal)
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
        except MeshError as error:
            self._denied(error.code, principal, "", error.detail)
            answer = refusal_of(error)
            await send_json(send, answer.http_status, refusal_body(answer), answer.headers)
