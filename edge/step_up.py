"""What a client is told whose token has too little scope, so that it can ask its person for more (step-up).

As HTTP: 403 with a challenge (RFC 6750 section 3.1; MCP, authorization, "Runtime Insufficient Scope Errors"). ChatGPT, and
clients of the 2025 era whose transport takes a 403 for the end, read the same challenge in the `_meta` of a tool's result.
"""

from collections.abc import Callable

from edge.client_name import is_called
from edge.exchange import Exchange
from edge.external.scope_names import OURS, ScopeNames
from edge.oauth.resource import metadata_url
from edge.problems import refusal_of
from edge.render import refusal_body, tool_error
from shared.errors import InsufficientScope

CHALLENGES_META = "mcp/www_authenticate"
_READS_RESULTS = ("openai-mcp",)
_DESCRIPTION = "The access token does not have the scope that this needs"


class StepUp:
    """Renders it for one edge."""

    def __init__(self, public_url: str, mode: str, names: Callable[[str], ScopeNames] = lambda caller_id: OURS) -> None:
        """`mode`: `tool_error`, `http_403`, or `auto` for what the client understands.

        `names`: how scopes are called where a client, by its `caller_id`, got its token.
        """
        self._public_url = public_url
        self._mode = mode.lower()
        self._names = names

    def render(self, exchange: Exchange, error: InsufficientScope) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
        """Status, body and further headers of the answer."""
        message = exchange.message
        ours = (error.data or {}).get("scope", "")
        scope = " ".join(self._names(exchange.principal.caller_id).asked(ours.split()))
        error = InsufficientScope(error.detail, data={"scope": scope})
        # Nothing can be asked for where no scope of another server gives it; an empty one is none (RFC 6750 section 3).
        asked = f'scope="{scope}"' if scope else ""
        metadata = metadata_url(self._public_url, resource_path(exchange))
        if message.method == "tools/call" and self._as_result(exchange):
            challenge = _joined(
                f'Bearer resource_metadata="{metadata}"',
                'error="insufficient_scope"',
                f'error_description="{_DESCRIPTION}"',
                asked,
            )
            return 200, tool_error(message, error, "", {CHALLENGES_META: [challenge]}), []
        challenge = _joined(
            'Bearer error="insufficient_scope"',
            asked,
            f'resource_metadata="{metadata}"',
            f'error_description="{_DESCRIPTION}"',
        )
        refusal = refusal_of(error, message.id, message.era)
        headers = [*refusal.headers, (b"www-authenticate", challenge.encode())]
        return refusal.http_status, refusal_body(refusal), headers

    def _as_result(self, exchange: Exchange) -> bool:
        if self._mode == "auto":
            return exchange.message.era == "legacy" or is_called(exchange, _READS_RESULTS)
        return self._mode == "tool_error"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def resource_path(exchange: Exchange) -> str:
    """The path of the protected resource that a request came to."""
    if exchange.backend is not None:
        return f"/mcp/b/{exchange.backend}"
    return "/sse" if exchange.session is not None and exchange.session.kind == "sse" else "/mcp"
