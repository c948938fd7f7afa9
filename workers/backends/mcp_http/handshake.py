"""How a connection begins: `server/discover` (MCP 2026-07-28), else `initialize` (2024-11-05 to 2025-11-25)."""

from dataclasses import dataclass, field

import msgspec

from shared.errors import UpstreamBadResponse, UpstreamError, UpstreamTooLarge
from shared.settings import Settings
from workers.backends.mcp_http.answer import read_answer
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.message import Message

_SESSION_ID_BYTES_MAX = 1024


@dataclass(slots=True, eq=False)
class Session:
    """What a request has to say so that the upstream knows whom it is from. In the modern era there is one for all."""

    modern: bool
    id: str | None
    headers: dict[str, str]
    can_follow: bool
    """Whether the upstream may tell of changed tools on a stream."""
    in_flight: int = field(default=0)
    number: int = field(default=0)
    """Counts the backend's sessions, in the order in which they were opened."""
    server: bytes = b""
    """What the upstream said of itself (`capabilities`, `serverInfo`, `instructions`): the result of the handshake."""


class _Tools(msgspec.Struct, frozen=True):
    listChanged: bool = False  # noqa: N815 (MCP's name)


class _Capabilities(msgspec.Struct, frozen=True):
    tools: _Tools | None = None


class _Discovered(msgspec.Struct):
    supportedVersions: list[str]  # noqa: N815 (MCP's name)
    capabilities: _Capabilities = _Capabilities()


class _Initialized(msgspec.Struct):
    protocolVersion: str  # noqa: N815 (MCP's name)


_discovered = msgspec.json.Decoder(_Discovered)
_initialized = msgspec.json.Decoder(_Initialized)


async def _ignore(message: Message) -> None:
    """Nothing that is said during a handshake matters."""


async def discover(connection: Connection, settings: Settings) -> Session | None:
    """Ask for the modern era; None where the upstream does not speak it.

    Raises UpstreamDenied, and what `Connection.post` raises: those say nothing about the era.
    """
    asked = wire.request(0, "server/discover", modern=True)
    headers = {wire.VERSION_HEADER: wire.MODERN, **asked.headers}
    response = await connection.post(headers, asked.body)
    try:
        result = await read_answer(response, asked.id, settings, _ignore, session=False)
        found = _discovered.decode(result)
    except (UpstreamError, UpstreamBadResponse, UpstreamTooLarge, msgspec.DecodeError):
        return None
    finally:
        connection.let_run_out(response)
    if wire.MODERN not in found.supportedVersions:
        return None
    tools = found.capabilities.tools
    return Session(
        modern=True,
        id=None,
        headers={wire.VERSION_HEADER: wire.MODERN},
        can_follow=tools is not None and tools.listChanged,
        server=result,
    )


async def initialize(connection: Connection, settings: Settings) -> Session:
    """Open a session of the 2025 era. Raises what `Connection.post` and `read_answer` raise."""
    params = b'"protocolVersion":"%b","capabilities":{},"clientInfo":%b' % (wire.HANDSHAKE.encode(), wire.CLIENT_INFO)
    asked = wire.request(0, "initialize", modern=False, params=params)
    response = await connection.post({}, asked.body)
    try:
        result = await read_answer(response, asked.id, settings, _ignore, session=False)
        version = _initialized.decode(result).protocolVersion
    except msgspec.DecodeError as cause:
        raise UpstreamBadResponse("The upstream's answer to `initialize` names no protocol version.") from cause
    finally:
        connection.let_run_out(response)
    if version not in wire.HANDSHAKE_VERSIONS:
        raise UpstreamBadResponse("The upstream speaks a version of MCP that ToolMesh does not.")
    headers = {wire.VERSION_HEADER: version}
    session_id = response.headers.get(wire.SESSION_HEADER)
    if session_id is not None:
        if not (session_id.isascii() and session_id.isprintable() and 0 < len(session_id) <= _SESSION_ID_BYTES_MAX):
            raise UpstreamBadResponse("The upstream's session id is not one that a header can carry.")
        headers[wire.SESSION_HEADER] = session_id
    await connection.tell(headers, wire.notification("notifications/initialized"))
    return Session(modern=False, id=session_id, headers=headers, can_follow=session_id is not None, server=result)
