"""The one table that renders an error's slug, and the refusals that happen before there is a message.

Errors of the call itself (the tool's, the upstream's, the mesh's) are tool results with `isError`, so that a model can read
them; protocol errors are JSON-RPC errors; overload is an HTTP status with Retry-After as well (RFC 9110 section 10.2.3).
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from shared.errors import MeshError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
UNAUTHORIZED = -32001
QUEUE_FULL = -32010
PRINCIPAL_BUSY = -32011
BROKER_UNAVAILABLE = -32012
TOO_MANY = -32013
INSUFFICIENT_SCOPE = -32014
TOO_BUSY = -32015
AUTHORIZATION_SERVER_AWAY = -32016


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a slug leaves: as a tool result, or as a JSON-RPC error with an HTTP status."""

    kind: Literal["result", "rpc", "relay"]
    http_status: int = 200
    rpc_code: int = INTERNAL_ERROR


RENDERINGS: dict[str, Rendering] = {
    "internal": Rendering("result"),
    "configuration": Rendering("result"),
    "unauthenticated": Rendering("rpc", 401, UNAUTHORIZED),
    "unknown_tool": Rendering("rpc", 200, INVALID_PARAMS),
    "not_authorized": Rendering("rpc", 200, INVALID_PARAMS),
    "insufficient_scope": Rendering("rpc", 403, INSUFFICIENT_SCOPE),
    "unknown_call": Rendering("result"),
    "unknown_cursor": Rendering("result"),
    "invalid_params": Rendering("rpc", 200, INVALID_PARAMS),
    "invalid_arguments": Rendering("result"),
    "invalid_input": Rendering("result"),
    "queue_full": Rendering("rpc", 503, QUEUE_FULL),
    "principal_busy": Rendering("rpc", 429, PRINCIPAL_BUSY),
    "too_busy": Rendering("rpc", 503, TOO_BUSY),
    "too_many_calls": Rendering("result"),
    "backend_unavailable": Rendering("result"),
    "broker_unavailable": Rendering("rpc", 503, BROKER_UNAVAILABLE),
    "authorization_server_away": Rendering("rpc", 503, AUTHORIZATION_SERVER_AWAY),
    "deadline_exceeded": Rendering("result"),
    "outcome_unknown": Rendering("result"),
    "dead_lettered": Rendering("result"),
    "cancelled": Rendering("result"),
    "definition_changed": Rendering("result"),
    "forged_message": Rendering("result"),
    "upstream_unreachable": Rendering("result"),
    "egress_denied": Rendering("result"),
    "upstream_timeout": Rendering("result"),
    "upstream_bad_response": Rendering("result"),
    "upstream_too_large": Rendering("result"),
    "upstream_denied": Rendering("result"),
    "upstream_error": Rendering("relay"),
    "sandbox_timeout": Rendering("result"),
    "sandbox_memory": Rendering("result"),
    "sandbox_crashed": Rendering("result"),
    "sandbox_busy": Rendering("result"),
    "sandbox_unavailable": Rendering("result"),
    "transform_failed": Rendering("result"),
}


@dataclass(eq=False)
class Refusal(Exception):
    """A request that is answered before it is a call."""

    http_status: int
    rpc_code: int
    message: str
    data: Any = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    rpc_id: Any = None
    code: str = "refused"
    """Slug for the audit."""


def rendering_of(error: MeshError) -> Rendering:
    """The table's row; a slug without one is a defect and leaves as an internal error."""
    return RENDERINGS.get(error.code, RENDERINGS["internal"])


def refusal_of(error: MeshError, rpc_id: Any = None, era: Literal["modern", "legacy"] = "legacy") -> Refusal:
    """A mesh error that leaves as a JSON-RPC error. In the 2026 era params that do not fit have an HTTP status, too."""
    row = rendering_of(error)
    status = 400 if error.code == "invalid_params" and era == "modern" else row.http_status
    headers: list[tuple[bytes, bytes]] = []
    if error.retry_after_s is not None:
        headers.append((b"retry-after", str(max(1, round(error.retry_after_s))).encode()))
    data = {**(error.data or {}), "code": error.code, "retryable": error.retryable}
    return Refusal(status, row.rpc_code, error.detail, data, headers, rpc_id, error.code)


def too_many(http_status: int, what: str, retry_after_s: int) -> Refusal:
    """A cap was reached: of the caller's own (429), or of all (503)."""
    headers = [(b"retry-after", str(retry_after_s).encode())]
    return Refusal(http_status, TOO_MANY, what, headers=headers, code="too_many")
