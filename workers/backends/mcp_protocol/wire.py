"""What is written: JSON-RPC requests as headers and bodies, for both eras and every transport.

Bodies are put together from bytes: arguments and `_meta` belong to the caller and pass as they came. Modern era:
MCP 2026-07-28, basic/transports, "Request headers" (SEP-2243) and "Per-request protocol fields" (SEP-2575).
"""

import base64
import re
from dataclasses import dataclass

import msgspec

from shared.messages import Client
from workers.backends.backend import Invocation

MODERN = "2026-07-28"
HANDSHAKE = "2025-11-25"
"""What we propose in `initialize`."""
HANDSHAKE_VERSIONS = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})

VERSION_HEADER = "MCP-Protocol-Version"
SESSION_HEADER = "Mcp-Session-Id"
LAST_EVENT_HEADER = "Last-Event-ID"
_METHOD_HEADER = "Mcp-Method"
_NAME_HEADER = "Mcp-Name"

CLIENT_INFO = b'{"name":"toolmesh","version":"0.1.0"}'

_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_META_CLIENT = "io.modelcontextprotocol/clientInfo"
_META_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_META_LOG_LEVEL = "io.modelcontextprotocol/logLevel"
_ENVELOPE = f'"{_META_VERSION}":"{MODERN}","{_META_CLIENT}":%b,"{_META_CAPABILITIES}":%b'.encode()
_OURSELVES = _ENVELOPE % (CLIENT_INFO, b"{}")
_OURS = frozenset({_META_VERSION, _META_CLIENT, _META_CAPABILITIES, _META_LOG_LEVEL, "progressToken"})
_MAYBE_OURS = re.compile(rb"\\|progressToken|protocolVersion|clientInfo|clientCapabilities|logLevel")
"""A `_meta` without any of these (nor an escape that could spell one) holds no member of ours."""

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The member of params that the header Mcp-Name repeats."""

_SENTINEL = re.compile(r"=\?base64\?.*\?=")
_HEADER_SAFE = re.compile(r"[\x20-\x7E]*")

_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Request:
    """One JSON-RPC request, ready to be posted."""

    id: int
    headers: dict[str, str]
    body: bytes


def request(
    request_id: int,
    method: str,
    *,
    modern: bool,
    params: bytes = b"",
    name: str | None = None,
    meta: bytes = b"",
    client: Client | None = None,
) -> Request:
    """Build a request.

    `params`: JSON members without the braces; `meta`: members of its `_meta`, likewise; `name`: what the request is about,
    for its header in the modern era; `client`: who it is sent for, there; ourselves where absent.
    """
    headers: dict[str, str] = {}
    if modern:
        headers[_METHOD_HEADER] = method
        if name is not None:
            headers[_NAME_HEADER] = header_value(name)
        envelope = _OURSELVES if client is None else _envelope_of(client)
        meta = envelope + b"," + meta if meta else envelope
    if meta:
        params = b'%s%b"_meta":{%b}' % (params, b"," if params else b"", meta)
    body = b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":{%b}}' % (request_id, method.encode(), params)
    return Request(request_id, headers, body)


def relayed(request_id: int, invocation: Invocation, *, modern: bool) -> Request:
    """The request of an invocation. The progress token, where one is wanted, is the request's id."""
    meta = _members_of(invocation.meta)
    if invocation.wants_progress:
        meta = b'%b%b"progressToken":%d' % (meta, b"," if meta else b"", request_id)
    if invocation.method == "tools/call":
        params = b'"name":%b,"arguments":%b' % (_encode(invocation.tool), invocation.arguments)
        name: str | None = invocation.tool
    else:
        params = invocation.arguments.strip()[1:-1].strip()
        name = _name_in(invocation) if modern else None
    if invocation.inputs and modern:
        inputs = invocation.inputs.strip()[1:-1].strip()
        params = params + b"," + inputs if params and inputs else params or inputs
    return request(
        request_id, invocation.method, modern=modern, params=params, name=name, meta=meta, client=invocation.client
    )


def _name_in(invocation: Invocation) -> str | None:
    member = _NAMED_BY.get(invocation.method)
    if member is None:
        return None
    value = _raw_members.decode(invocation.arguments).get(member)
    return None if value is None else msgspec.json.decode(value, type=str)


def _envelope_of(client: Client) -> bytes:
    """The per-request protocol fields for a request that is sent for a client."""
    envelope = _ENVELOPE % (client.info or CLIENT_INFO, client.capabilities)
    if client.log_level:
        envelope += f',"{_META_LOG_LEVEL}":'.encode() + _encode(client.log_level)
    return envelope


def _members_of(meta: bytes) -> bytes:
    """The members of the caller's `_meta` without braces, and without those that are ours to write."""
    if not meta:
        return b""
    if _MAYBE_OURS.search(meta):
        kept = {k: v for k, v in _raw_members.decode(meta).items() if k not in _OURS}
        meta = _encode(kept)
    return meta.strip()[1:-1].strip()


def notification(method: str, params: bytes = b"") -> bytes:
    """Body of a notification; `params`: JSON members without the braces."""
    if params:
        return b'{"jsonrpc":"2.0","method":"%b","params":{%b}}' % (method.encode(), params)
    return b'{"jsonrpc":"2.0","method":"%b"}' % method.encode()


def header_value(value: str) -> str:
    """A value as it may stand in a header: as it is, or in the base64 sentinel of SEP-2243."""
    if _HEADER_SAFE.fullmatch(value) and value == value.strip() and not _SENTINEL.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
