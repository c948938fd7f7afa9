"""render: how outcomes look as JSON-RPC messages and as events of a stream (WHATWG server-sent events)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS

from edge.call_meta import CALL_META
from edge.parse import Era, Message
from edge.problems import INTERNAL_ERROR, Refusal, rendering_of
from shared.errors import BY_CODE, Internal, MeshError, Unauthenticated
from shared.messages import Notice, Progress, ToolFailure

_encode = msgspec.json.Encoder().encode

STREAM_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
KEEP_ALIVE = b": keep-alive\r\n\r\n"


class _Typed(msgspec.Struct):
    resultType: msgspec.Raw = msgspec.Raw()  # noqa: N815 (MCP's name)


_typed = msgspec.json.Decoder(_Typed)
_facts = msgspec.json.Decoder(dict[str, Any])


def rpc_result(rpc_id: str | int | None, body: bytes, era: Era) -> bytes:
    """A response around a result that stays the bytes that it is.

    2026-07-28 results say their type; what comes from an older upstream does not, and is complete. A type that is no type
    stays: it is the upstream's, and a second one beside it would be read differently by different readers.
    """
    if era == "modern" and not (b'"resultType"' in body and bytes(_typed.decode(body).resultType)):
        rest = body.lstrip()[1:].lstrip()
        comma = b"" if rest.startswith(b"}") else b","
        body = b'{"resultType":"complete"' + comma + rest
    return b'{"jsonrpc":"2.0","id":' + _encode(rpc_id) + b',"result":' + body + b"}"


def rpc_error(rpc_id: Any, code: int, message: str, data: Any = None) -> bytes:
    """An error response."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return _encode({"jsonrpc": "2.0", "id": rpc_id, "error": error})


def refusal_body(refusal: Refusal) -> bytes:
    """The JSON-RPC error of a refusal."""
    return rpc_error(refusal.rpc_id, refusal.rpc_code, refusal.message, refusal.data)


def error_of(failure: ToolFailure) -> MeshError:
    """A worker's failure as the error that it was."""
    kind = BY_CODE.get(failure.code, Internal)
    if kind is Unauthenticated:
        return Internal(failure.detail)  # nobody but an edge authenticates
    try:
        data = _facts.decode(failure.data) if failure.data else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        data = None
    return kind(failure.detail, data=data)


def error_response(
    message: Message, error: MeshError, call_id: str, found_by: Mapping[str, Any] | None = None
) -> tuple[int, bytes]:
    """HTTP status and response of a request that failed, in the shape that the table gives its slug.

    A tool call that failed is a result that a model can read; other methods have nothing but errors for that.
    """
    row = rendering_of(error)
    if row.kind == "relay" and error.data and isinstance(error.data.get("error"), dict):
        relayed = error.data["error"]
        status = ERROR_CODE_HTTP_STATUS.get(relayed.get("code"), 200) if message.era == "modern" else 200
        return status, _encode({"jsonrpc": "2.0", "id": message.id, "error": relayed})
    if row.kind == "rpc":
        return 200, rpc_error(message.id, row.rpc_code, error.detail, error_facts(error, call_id))
    if message.method != "tools/call":
        return 200, rpc_error(message.id, INTERNAL_ERROR, error.detail, error_facts(error, call_id))
    return 200, tool_error(message, error, call_id, None if found_by is None else {CALL_META: found_by})


def tool_error(message: Message, error: MeshError, call_id: str, meta: Mapping[str, Any] | None) -> bytes:
    """The response of a tool call that failed, as a result."""
    result: dict[str, Any] = {
        "content": [{"type": "text", "text": f"[{error.code}] {error.detail}"}],
        "structuredContent": {"error": error_facts(error, call_id)},
        "isError": True,
    }
    if meta is not None:
        result["_meta"] = meta
    return rpc_result(message.id, _encode(result), message.era)


def error_facts(error: MeshError, call_id: str) -> dict[str, Any]:
    """What a program may want to know of an error."""
    # An empty pointer is a pointer (RFC 6901: the whole document); an empty call id is a call that never was.
    facts: dict[str, Any] = {**(error.data or {}), "code": error.code, "retryable": error.retryable, "call_id": call_id}
    if not call_id:
        del facts["call_id"]
    if error.code == "outcome_unknown":
        facts |= {"status": "unknown", "retry_safe": False}
    return facts


def progress_notification(token: str | int, progress: Progress) -> bytes:
    """A progress notification with the client's own token put back."""
    rest = progress.params.strip()[1:]
    comma = b"" if rest.lstrip().startswith(b"}") else b","
    return (
        b'{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":'
        + _encode(token)
        + comma
        + rest
        + b"}"
    )


def notice(said: Notice) -> bytes:
    """A notification of a backend, or a request of it to the client."""
    request = b',"id":' + _encode(said.request_id) if said.request_id else b""
    return b'{"jsonrpc":"2.0"%b,"method":%b,"params":%b}' % (request, _encode(said.method), said.params)


def event(message: bytes, event_id: str = "") -> bytes:
    """A message as one event; JSON of others may hold line breaks, which would end the field."""
    if b"\n" in message or b"\r" in message:
        message = msgspec.json.format(message, indent=-1)
    head = b"id: " + event_id.encode() + b"\r\n" if event_id else b""
    return head + b"event: message\r\ndata: " + message + b"\r\n\r\n"
