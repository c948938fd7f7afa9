"""One attempt of one call over one session: what is sent, and who hears what the upstream says meanwhile."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import structlog

from shared.configuration import BackendEntry
from shared.errors import MeshError, UpstreamError, UpstreamUnreachable
from shared.log_levels import least_severe, more_verbose
from shared.settings import Settings
from workers.backends.backend import Invocation
from workers.backends.mcp_http.answer import SessionLost
from workers.backends.mcp_http.changes import Changes
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.client_requests import only_relayed
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.message import ignore
from workers.backends.mcp_protocol.parameter_headers import HeaderMap, parameter_headers

log = structlog.get_logger()

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Progress:
    """How far a call got: what a time-out means depends on it."""

    sent: bool = field(default=False)


class Calling:
    """Sends the calls of one backend."""

    def __init__(
        self, entry: BackendEntry, exchange: Exchange, changes: Changes, settings: Settings, ids: Iterator[int]
    ) -> None:
        self._entry = entry
        self._exchange = exchange
        self._changes = changes
        self._settings = settings
        self._ids = ids
        self.headers: Mapping[str, HeaderMap] = {}
        """Arguments that go into headers, of the tools that have such (modern era)."""

    async def attempt(self, session: Session, invocation: Invocation, progress: Progress) -> bytes:
        """Send the call once. Raises what `Exchange.send` raises."""
        if session.telling.logs and more_verbose(invocation.client.log_level, session.log_level) and not session.modern:
            await self._set_level(session, invocation.client.log_level)
        request = wire.relayed(next(self._ids), invocation, modern=session.modern)
        if session.modern and (declared := self.headers.get(invocation.tool)):
            request.headers.update(parameter_headers(declared, invocation.arguments))
        hearing = self._hearing(session, invocation, request)
        await invocation.dispatch()
        progress.sent = True
        alone = session.owned
        if alone:
            session.hearings.append(hearing)
        try:
            return await self._exchange.send(session, request, hearing)
        except (UpstreamUnreachable, SessionLost):
            progress.sent = False
            raise
        finally:
            if alone:
                session.hearings.remove(hearing)
            await hearing.close()

    def _hearing(self, session: Session, invocation: Invocation, request: wire.Request) -> Hearing:
        return Hearing(
            changed=self._changes.tell,
            updated=self._changes.tell_updated,
            requests_max=self._settings.upstream_requests_max,
            reply=self._exchange.replier(session),
            report=invocation.report if invocation.wants_progress else None,
            notify=invocation.notify,
            ask=only_relayed(self._entry.relay, invocation.ask),
            token=request.id,
            progress_per_s_max=self._settings.upstream_progress_per_s_max,
            least_severe=least_severe(invocation.client),
        )

    async def _set_level(self, session: Session, level: str) -> None:
        """Ask for more log messages (2025 era, server/utilities/logging). A refusal does not hold up the call."""
        before, session.log_level = session.log_level, level
        request = wire.request(next(self._ids), "logging/setLevel", modern=False, params=b'"level":' + _encode(level))
        try:
            async with asyncio.timeout(self._settings.upstream_connect_s):
                await self._exchange.send(session, request, ignore)
        except UpstreamError as refused:
            log.debug("logging/setLevel was refused", backend=self._entry.name, cause=str(refused.data))
        except (UpstreamUnreachable, SessionLost):
            session.log_level = before
            raise
        except (MeshError, TimeoutError) as cause:
            session.log_level = before
            log.debug("logging/setLevel failed", backend=self._entry.name, cause=str(cause))
        except asyncio.CancelledError:
            session.log_level = before
            raise
