"""What is written: JSON-RPC requests as headers and bodies, for both eras.

Bodies are put together from bytes: arguments and `_meta` belong to the caller and pass as they came. Modern era:
MCP 2026-07-28, basic/transports, "Request headers" (SEP-2243) and "Per-request protocol fields" (SEP-2575).
"""

import base64
import re
from dataclasses import dataclass

import msgspec

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
_ENVELOPE = (
    f'"{_META_VERSION}":"{MODERN}","{_META_CLIENT}":'.encode() + CLIENT_INFO + f',"{_META_CAPABILITIES}":{{}}'.encode()
)
_OURS = frozenset({_META_VERSION, _META_CLIENT, _META_CAPABILITIES, "progressToken"})
_MAYBE_OURS = re.compile(rb"\\|progressToken|protocolVersion|clientInfo|clientCapabilities")
"""A `_meta` without any of these (nor an escape that could spell one) holds no member of ours."""

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
    request_id: int, method: str, *, modern: bool, params: bytes = b"", name: str | None = None, meta: bytes = b""
) -> Request:
    """Build a request.

    `params`: JSON members without the braces; `meta`: members of its `_meta`, likewise; `name`: the tool that the
    request is about, for its header in the modern era.
    """
    headers: dict[str, str] = {}
    if modern:
        headers[_METHOD_HEADER] = method
        if name is not None:
            headers[_NAME_HEADER] = header_value(name)
        meta = _ENVELOPE + b"," + meta if meta else _ENVELOPE
    if meta:
        params = b'%s%b"_meta":{%b}' % (params, b"," if params else b"", meta)
    body = b'{"jsonrpc":"2.0","id":%d,"method":"%b","params":{%b}}' % (request_id, method.encode(), params)
    return Request(request_id, headers, body)


def tool_call(
    request_id: int, tool: str, arguments: bytes, *, modern: bool, meta: bytes = b"", progress: bool = False
) -> Request:
    """Build a `tools/call`. The progress token, where one is wanted, is the request's id."""
    members = _members_of(meta)
    if progress:
        members = b'%b%b"progressToken":%d' % (members, b"," if members else b"", request_id)
    params = b'"name":%b,"arguments":%b' % (_encode(tool), arguments)
    return request(request_id, "tools/call", modern=modern, params=params, name=tool, meta=members)


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
