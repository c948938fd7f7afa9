"""parse: from bytes to one JSON-RPC message of a known protocol era (JSON-RPC 2.0; MCP 2025-03-26 to 2026-07-28).

Stricter than the parser: no batch (removed in 2025-06-18), no duplicate member names, no deep nesting, ids that are strings
or integers. What two readers of one request could read differently is refused.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    MCP_PARAM_HEADER_PREFIX,
    InboundLadderRejection,
    classify_inbound_request,
    find_duplicated_routing_header,
    unsupported_protocol_version_rejection,
)
from mcp_types import HEADER_MISMATCH, PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from edge.admit import Headers
from edge.problems import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, Refusal
from shared.json_text import depth_exceeds, repeats_a_name

Era = Literal["modern", "legacy"]

_VERSION_HEADER = "mcp-protocol-version"
_PARAM_PREFIX = MCP_PARAM_HEADER_PREFIX.lower()
_ID_CHARS_MAX = 1024
_decoder = msgspec.json.Decoder()


class _CallParams(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Call(msgspec.Struct):
    params: _CallParams


class _Params(msgspec.Struct):
    params: dict[str, msgspec.Raw] = {}


_calls = msgspec.json.Decoder(_Call)
_params = msgspec.json.Decoder(_Params)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_INPUTS = ("inputResponses", "requestState")


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON-RPC request or notification."""

    era: Era
    method: str
    id: str | int | None
    """None for a notification."""
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client of the 2025 era answers to a request of ours."""

    id: str | int
    body: bytes
    """JSON object with the one member `result` or `error`."""


@dataclass(frozen=True, slots=True)
class CallParams:
    """Params of `tools/call`."""

    name: str
    arguments: dict[str, Any]
    raw_arguments: bytes
    """As they came, so that nothing of a number or a string is lost on the way to the backend."""
    meta: dict[str, Any]
    inputs: dict[str, bytes]
    """Raw JSON of `inputResponses` and `requestState`, as far as the request has them (2026-07-28)."""


@dataclass(frozen=True, slots=True)
class OtherParams:
    """Params of another method that goes to a backend."""

    members: dict[str, bytes]
    """Raw JSON of all members but `_meta` and those of `inputs`."""
    values: dict[str, Any]
    """All members, read."""
    meta: dict[str, Any]
    inputs: dict[str, bytes]


class Filling(Protocol):
    """Who may be taken to have said what a request leaves out."""

    def complete(self, value: dict[str, Any], headers: Headers) -> bool:
        """Fill in what is absent, in the message and in the headers that are given; gives whether anything was."""
        ...


def parse_message(
    body: bytes,
    headers: Headers,
    raw_headers: list[tuple[bytes, bytes]],
    depth_max: int,
    filling: Filling | None = None,
) -> Message | Reply:
    """Read one message and decide its era. `filling` may add to `headers` what a request of the 2026 era leaves out.

    Raises Refusal with the code and status of the rung that failed.
    """
    value = _decode(body, depth_max)
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise Refusal(400, INVALID_REQUEST, "The body must be one JSON-RPC 2.0 request or notification object.")
    method, params = value.get("method"), value.setdefault("params", {})
    if not isinstance(method, str) or not method:
        return _reply(body, value, headers)
    rpc_id = _id_of(value)
    if not isinstance(params, dict):
        raise Refusal(400, INVALID_PARAMS, "params must be an object.", rpc_id=rpc_id)
    era = _era(headers, params)
    if era == "modern":
        rejection = _climb(value, rpc_id, headers, raw_headers)
        if rejection is not None and filling is not None and filling.complete(value, headers):
            rejection = _climb(value, rpc_id, headers, raw_headers)
        if rejection is not None:
            raise rejected(rejection, rpc_id)
    return Message(era, method, rpc_id, params)


def _reply(body: bytes, value: dict[str, Any], headers: Headers) -> Reply:
    """A response of the client: only the 2025 era has any."""
    if "method" in value or ("result" in value) == ("error" in value) or _era(headers, {}) == "modern":
        raise Refusal(400, INVALID_REQUEST, "The body is not a request: it has no method.")
    rpc_id = _id_of(value)
    outcome = "result" if "result" in value else "error"
    if rpc_id is None or not isinstance(value[outcome], dict):
        raise Refusal(400, INVALID_REQUEST, "A response needs the id of its request, and an object as its outcome.")
    return Reply(rpc_id, b'{"%b":%b}' % (outcome.encode(), _members.decode(body)[outcome]))


def _decode(body: bytes, depth_max: int) -> Any:
    try:
        value = _decoder.decode(body)
    except RecursionError:
        raise Refusal(400, INVALID_REQUEST, f"The body nests deeper than {depth_max}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal(400, PARSE_ERROR, "Parse error: the body is not JSON in UTF-8.") from None
    if depth_exceeds(body, depth_max):
        raise Refusal(400, INVALID_REQUEST, f"The body nests deeper than {depth_max}.")
    if repeats_a_name(body, value):
        raise Refusal(400, INVALID_REQUEST, "An object in the body names a member twice.")
    return value


def _id_of(value: dict[str, Any]) -> str | int | None:
    if "id" not in value:
        return None
    rpc_id = value["id"]
    fits = (isinstance(rpc_id, int) and not isinstance(rpc_id, bool)) or (
        isinstance(rpc_id, str) and len(rpc_id) <= _ID_CHARS_MAX
    )
    if not fits:
        raise Refusal(400, INVALID_REQUEST, f"id must be a string of at most {_ID_CHARS_MAX} characters, or an integer.")
    return rpc_id  # type: ignore[no-any-return]


def _era(headers: Headers, params: dict[str, Any]) -> Era:
    """What header and envelope say (MCP 2026-07-28, versioning); where they disagree the message is held against the
    modern envelope, which refuses it: a reader of the one must not take it for another era than a reader of the other."""
    version = headers.get(_VERSION_HEADER)
    meta = params.get("_meta")
    if (
        isinstance(meta, dict)
        and PROTOCOL_VERSION_META_KEY in meta
        and (version is None or meta[PROTOCOL_VERSION_META_KEY] != version)
    ):
        return "modern"
    return "legacy" if version is None or version in HANDSHAKE_PROTOCOL_VERSIONS else "modern"


def _climb(
    value: dict[str, Any], rpc_id: str | int | None, headers: Headers, raw_headers: list[tuple[bytes, bytes]]
) -> InboundLadderRejection | None:
    """The rungs of the 2026-07-28 envelope: routing headers stand once and say what the body says. None: all hold."""
    if rpc_id is None:
        return unsupported_protocol_version_rejection(headers.get(_VERSION_HEADER, ""))
    if duplicated := _duplicated_header(raw_headers):
        return InboundLadderRejection(HEADER_MISMATCH, f"{duplicated} header appears more than once")
    verdict = classify_inbound_request(value, headers=headers)
    return verdict if isinstance(verdict, InboundLadderRejection) else None


def _duplicated_header(raw_headers: list[tuple[bytes, bytes]]) -> str | None:
    """A routing or parameter header that stands twice; joined, two values could look like one that has a comma."""
    names = [name.decode("latin-1") for name, _ in raw_headers]
    parameters = [name for name in names if name.startswith(_PARAM_PREFIX)]
    if len(parameters) != len(set(parameters)):
        return next(name for name in parameters if parameters.count(name) > 1)
    return find_duplicated_routing_header((name, "") for name in names)


def rejected(rejection: InboundLadderRejection, rpc_id: str | int | None) -> Refusal:
    """A rejection of the SDK's ladder, with the status of its table."""
    status = ERROR_CODE_HTTP_STATUS.get(rejection.code, 400)
    return Refusal(status, rejection.code, rejection.message, rejection.data, rpc_id=rpc_id)


def parse_call(body: bytes, message: Message) -> CallParams:
    """Params of a `tools/call`. Raises Refusal -32602."""
    params = message.params
    arguments = params.get("arguments")
    if not isinstance(params.get("name"), str):
        raise Refusal(200, INVALID_PARAMS, "params.name must be the name of a tool.", rpc_id=message.id)
    if arguments is None:
        arguments, raw = {}, b"{}"
    elif isinstance(arguments, dict):
        raw = bytes(_calls.decode(body).params.arguments)
    else:
        raise Refusal(200, INVALID_PARAMS, "params.arguments must be an object.", rpc_id=message.id)
    inputs: dict[str, bytes] = {}
    if "requestState" in params or "inputResponses" in params:
        inputs = _inputs_of(_params.decode(body).params, message)
    return CallParams(params["name"], arguments, raw, _meta_of(message), inputs)


def parse_other(body: bytes, message: Message) -> OtherParams:
    """Params of another method that goes to a backend. Raises Refusal -32602."""
    raw = _params.decode(body).params
    members = {name: bytes(value) for name, value in raw.items() if name != "_meta" and name not in _INPUTS}
    return OtherParams(members, message.params, _meta_of(message), _inputs_of(raw, message))


def _meta_of(message: Message) -> dict[str, Any]:
    meta = message.params.get("_meta")
    if meta is not None and not isinstance(meta, dict):
        raise Refusal(200, INVALID_PARAMS, "params._meta must be an object.", rpc_id=message.id)
    return meta or {}


def _inputs_of(raw: dict[str, msgspec.Raw], message: Message) -> dict[str, bytes]:
    """What a request that is sent again brings along; the 2025 era has no such thing, and there it is ignored."""
    if message.era == "legacy":
        return {}
    responses, state = message.params.get("inputResponses"), message.params.get("requestState")
    if not isinstance(responses, dict | None) or not isinstance(state, str | None):
        raise Refusal(
            400, INVALID_PARAMS, "inputResponses must be an object, and requestState a string.", rpc_id=message.id
        )
    return {name: bytes(raw[name]) for name in _INPUTS if message.params.get(name) is not None}
