"""How a conversation begins: `initialize` (2024-11-05 to 2025-11-25), else `server/discover` (MCP 2026-07-28).

The other way round than over HTTP: practically all stdio servers speak the 2025 era, and some end when the first thing
they are told is not `initialize`.
"""

import msgspec

from shared.configuration import Relayed
from shared.errors import UpstreamBadResponse, UpstreamError
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.client_requests import capabilities_of
from workers.backends.mcp_protocol.message import decode_error, result_of
from workers.backends.mcp_stdio.conversation import Conversation

_OTHER_ERA = frozenset({-32022, -32600, -32601, -32602})
"""Errors that may mean that a server does not know `initialize`."""


class _Initialized(msgspec.Struct):
    protocolVersion: str  # noqa: N815 (MCP's name)
    capabilities: dict[str, object] = {}


class _Discovered(msgspec.Struct):
    supportedVersions: list[str]  # noqa: N815 (MCP's name)
    capabilities: dict[str, object] = {}


_initialized = msgspec.json.Decoder(_Initialized)
_discovered = msgspec.json.Decoder(_Discovered)


async def shake_hands(conversation: Conversation, relay: tuple[Relayed, ...]) -> None:
    """Open the conversation; the era, the capabilities and what the server said are noted in it.

    `relay`: what the client may be asked. Raises UpstreamBadResponse or UpstreamError for a server that speaks neither era,
    and what `Conversation.send` raises.
    """
    version, capabilities = wire.HANDSHAKE.encode(), capabilities_of(relay)
    params = b'"protocolVersion":"%b","capabilities":%b,"clientInfo":%b' % (version, capabilities, wire.CLIENT_INFO)
    asked = wire.request(conversation.next_id(), "initialize", modern=False, params=params)
    message = await conversation.send(asked)
    if isinstance(message.error, msgspec.Raw) and decode_error(bytes(message.error))[0].code in _OTHER_ERA:
        await _discover(conversation)
        return
    result = result_of(message)
    try:
        found = _initialized.decode(result)
    except msgspec.DecodeError as cause:
        raise UpstreamBadResponse("its answer to `initialize` names no protocol version") from cause
    if found.protocolVersion not in wire.HANDSHAKE_VERSIONS:
        raise UpstreamBadResponse("it speaks a version of MCP that ToolMesh does not")
    conversation.server, conversation.capabilities = result, found.capabilities
    conversation.tell(wire.notification("notifications/initialized"))


async def _discover(conversation: Conversation) -> None:
    conversation.modern = True
    try:
        result = await conversation.ask("server/discover")
    except UpstreamError as refused:
        raise UpstreamBadResponse("it refused both `initialize` and `server/discover`") from refused
    try:
        found = _discovered.decode(result)
    except msgspec.DecodeError as cause:
        raise UpstreamBadResponse("its answer to `server/discover` names no protocol version") from cause
    if wire.MODERN not in found.supportedVersions:
        raise UpstreamBadResponse("it speaks a version of MCP that ToolMesh does not")
    conversation.server, conversation.capabilities = result, found.capabilities
