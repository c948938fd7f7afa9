"""How a session begins: `server/discover` (MCP 2026-07-28), `initialize` (2025 era), or the stream of HTTP+SSE (2024).

What an upstream speaks is found out once: MCP 2025-11-25, basic/transports, "Backwards compatibility".
"""

from collections.abc import Callable

import msgspec

from shared.configuration import BackendEntry, Relayed
from shared.errors import UpstreamBadResponse, UpstreamDenied, UpstreamError, UpstreamTooLarge
from shared.settings import Settings
from workers.backends.mcp_http.answer import SessionLost, read_answer
from workers.backends.mcp_http.connection import Connection
from workers.backends.mcp_http.legacy_stream import LegacyStream, NoStream
from workers.backends.mcp_http.session import Era, Session
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.capabilities import ServerCapabilities, telling_of
from workers.backends.mcp_protocol.client_requests import capabilities_of
from workers.backends.mcp_protocol.message import Hear, ignore
from workers.egress.failures import BrokenConnection

_SESSION_ID_BYTES_MAX = 1024

Listener = Callable[[Session], Hear]
"""Gives who hears what is said on a session's stream beside the requests."""


class NotStreamable(UpstreamBadResponse):
    """The upstream does not take `initialize` where Streamable HTTP has it; it may speak HTTP+SSE."""


class _Discovered(msgspec.Struct):
    supportedVersions: list[str]  # noqa: N815 (MCP's name)
    capabilities: ServerCapabilities = ServerCapabilities()


class _Initialized(msgspec.Struct):
    protocolVersion: str  # noqa: N815 (MCP's name)
    capabilities: ServerCapabilities = ServerCapabilities()


_discovered = msgspec.json.Decoder(_Discovered)
_initialized = msgspec.json.Decoder(_Initialized)


class Handshake:
    """Opens the sessions of one backend."""

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        entry: BackendEntry,
        listener: Listener,
        *,
        prefers_sessions: bool = False,
    ) -> None:
        """`prefers_sessions`: whether an upstream that speaks several eras is spoken to in one that has sessions."""
        self._connection = connection
        self._settings = settings
        self._relay = entry.relay
        self._has_owners = entry.affinity != "none"
        self._listener = listener
        self._prefers_sessions = prefers_sessions
        self.era: Era | None = None
        """What the upstream speaks; None while it is not known."""

    async def open(self, *, owned: bool) -> Session:
        """A new session. Raises what `Connection.post` and `read_answer` raise."""
        known = self.era
        try:
            session = await self._first_that_works(owned=owned)
        except (UpstreamError, UpstreamBadResponse, UpstreamDenied) as cause:
            self.era = None
            if known is None or isinstance(cause, UpstreamDenied | BrokenConnection):
                raise
            session = await self._first_that_works(owned=owned)  # one of another era may have taken its place
        self.era = session.era
        return session

    def forget(self) -> None:
        """The upstream may be another one now."""
        self.era = None

    async def _first_that_works(self, *, owned: bool) -> Session:
        if self.era == "sse" or (self.era is None and self._connection.url.path.rstrip("/").endswith("/sse")):
            return await self._open_legacy(owned=owned)
        if self.era is None and self._prefers_sessions:
            try:
                return await self._initialize(owned=owned)
            except (UpstreamError, UpstreamBadResponse):
                pass  # it may speak the modern era only, which is asked for next
        if self.era in (None, "modern") and (session := await self._discover()) is not None:
            return session
        try:
            return await self._initialize(owned=owned)
        except NotStreamable as refused:
            try:
                return await self._open_legacy(owned=owned)
            except NoStream:
                raise refused from None

    async def _discover(self) -> Session | None:
        """Ask for the modern era; None where the upstream does not speak it.

        Raises UpstreamDenied, and what `Connection.post` raises: those say nothing about the era.
        """
        asked = wire.request(0, "server/discover", modern=True)
        response = await self._connection.post({wire.VERSION_HEADER: wire.MODERN, **asked.headers}, asked.body)
        try:
            result = await read_answer(
                response, asked.id, self._settings, ignore, session=False, mask=self._connection.mask
            )
            found = _discovered.decode(result)
        except (UpstreamError, UpstreamBadResponse, UpstreamTooLarge, msgspec.DecodeError):
            return None
        finally:
            self._connection.let_run_out(response)
        if wire.MODERN not in found.supportedVersions:
            return None
        telling = telling_of(found.capabilities)
        return Session("modern", None, {wire.VERSION_HEADER: wire.MODERN}, telling.changes, result, telling)

    async def _initialize(self, *, owned: bool) -> Session:
        """Open a session of the 2025 era."""
        asked = _initialize_request(self._relay)
        response = await self._connection.post({}, asked.body)
        try:
            if response.status in (404, 405):
                raise NotStreamable(f"The upstream answered `initialize` with HTTP {response.status}.")
            result = await read_answer(
                response, asked.id, self._settings, ignore, session=False, mask=self._connection.mask
            )
        except UpstreamBadResponse as cause:
            if 400 <= response.status < 500 and not isinstance(cause, SessionLost):
                raise NotStreamable(cause.detail) from cause
            raise
        finally:
            self._connection.let_run_out(response)
        found = _decode(result)
        headers = {wire.VERSION_HEADER: found.protocolVersion}
        session_id = response.headers.get(wire.SESSION_HEADER)
        if session_id is not None:
            if not (session_id.isascii() and session_id.isprintable() and 0 < len(session_id) <= _SESSION_ID_BYTES_MAX):
                raise UpstreamBadResponse("The upstream's session id is not one that a header can carry.")
            headers[wire.SESSION_HEADER] = session_id
        await self._connection.tell(headers, wire.notification("notifications/initialized"))
        telling = telling_of(found.capabilities)
        return Session("streamable", session_id, headers, session_id is not None, result, telling, owned=owned)

    async def _open_legacy(self, *, owned: bool) -> Session:
        """Open a stream of HTTP+SSE and a session on it.

        Nothing on that stream says which call a request of the upstream belongs to, so that it may ask on sessions of
        owners only. Where there are none it is not led to believe that it could; where there are, the session that lists
        says so too, or tools that ask would not be listed.
        """
        stream = LegacyStream(self._connection, self._settings)
        await stream.open()
        try:
            result = await stream.send(_initialize_request(self._relay if self._has_owners else ()), ignore)
            telling = telling_of(_decode(result).capabilities)
            session = Session("sse", None, {}, True, result, telling, owned=owned, stream=stream)
            stream.hear = self._listener(session)
            await self._connection.tell({}, wire.notification("notifications/initialized"), stream.endpoint)
        except BaseException:
            await stream.close()
            raise
        return session


def _initialize_request(relay: tuple[Relayed, ...]) -> wire.Request:
    version, capabilities = wire.HANDSHAKE.encode(), capabilities_of(relay)
    params = b'"protocolVersion":"%b","capabilities":%b,"clientInfo":%b' % (version, capabilities, wire.CLIENT_INFO)
    return wire.request(0, "initialize", modern=False, params=params)


def _decode(result: bytes) -> _Initialized:
    """What `initialize` gave. Raises UpstreamBadResponse."""
    try:
        found = _initialized.decode(result)
    except msgspec.DecodeError as cause:
        raise UpstreamBadResponse(
            "The upstream's answer to `initialize` names no protocol version, or no capabilities that can be read."
        ) from cause
    if found.protocolVersion not in wire.HANDSHAKE_VERSIONS:
        raise UpstreamBadResponse("The upstream speaks a version of MCP that ToolMesh does not.")
    return found
