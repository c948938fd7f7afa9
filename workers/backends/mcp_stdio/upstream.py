"""The backend of kind `stdio`: which server a call goes to, deadlines, and what may be sent twice.

The servers of a backend are one pool for all callers: one worker, one credential, `options.processes` servers, however many
sessions clients have. Within a run a request is sent again, whatever its class, only if it was not written to a server;
where the server ended before it answered, only a call that may run twice is sent once more.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from shared.configuration import BackendEntry
from shared.errors import UpstreamBadResponse, UpstreamTimeout, UpstreamUnreachable
from shared.log_levels import least_severe, more_verbose
from shared.settings import Settings
from workers.backends.backend import Invocation, Offer
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_protocol.client_requests import only_relayed
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.listing import Lister
from workers.backends.mcp_protocol.message import result_of, too_deep
from workers.backends.mcp_protocol.patience import Patience
from workers.backends.mcp_stdio.changes import Changes
from workers.backends.mcp_stdio.conversation import Conversation, ServerEnded
from workers.backends.mcp_stdio.environment import environment_of
from workers.backends.mcp_stdio.limits import limits_of
from workers.backends.mcp_stdio.server import Server
from workers.credentials import Credentials

_PAUSE_S = 0.05


@dataclass(slots=True)
class _Progress:
    """How far a call got: what a time-out means depends on it."""

    sent: bool = False
    to: Conversation | None = None
    heard: int = 0
    """Messages that had come from that server when the call was sent."""


class Upstream:
    """One MCP server over stdio, or some of the same."""

    def __init__(self, entry: BackendEntry, settings: Settings, credentials: Credentials) -> None:
        self._entry = entry
        self._settings = settings
        self._credentials = credentials
        self._limits = limits_of(entry, settings)
        self._changes = Changes(settings)
        self._lister = Lister(entry, settings)
        self._servers: list[Server] = []

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Start the servers, without waiting for them. Raises ConfigurationError where a variable is missing."""
        environment = environment_of(self._entry, self._credentials)
        self._changes.start(changed, updated)
        self._servers = [
            Server(self._entry, self._settings, self._limits, environment, self._changes)
            for _ in range(self._limits.processes)
        ]
        for server in self._servers:
            server.start()

    async def close(self) -> None:
        """Stop the servers; no process of them is left."""
        self._changes.close()
        await asyncio.gather(*(server.close() for server in self._servers))

    async def watch(self, uris: frozenset[str]) -> None:
        """Subscribe to these at every server, and again at one that was started again."""
        self._changes.watch(uris)
        for server in self._servers:
            server.watching.want(uris)

    async def list_all(self) -> Offer:
        """All pages of all lists, vetted. Waits for a server's first start; raises MeshError where there is none."""
        conversation = await self._least_loaded().settled()
        try:
            async with asyncio.timeout(self._settings.upstream_list_s):

                async def ask(method: str, params: bytes) -> tuple[bytes, bool]:
                    return await conversation.ask(method, params), conversation.modern

                listing = await self._lister.list_all(ask, conversation.server)
        except TimeoutError:
            raise UpstreamTimeout(
                f"Backend {self._entry.name!r} did not list its tools in {self._settings.upstream_list_s:g} s."
            ) from None
        self._changes.note_listed(listing.ttl_s)
        return listing.offer

    async def call(self, invocation: Invocation) -> bytes:
        """Run one call; see the seam for what it raises."""
        progress = _Progress()
        patience = Patience(self._limits.call_s, invocation.deadline)
        asking = replace(invocation, ask=patience.around(invocation.ask)) if self._entry.relay else invocation
        try:
            async with patience, self._taken(invocation.owner) as server:
                try:
                    return await self._until_answered(server, asking, progress)
                except asyncio.CancelledError:
                    _note_silence(server, progress, patience.until)
                    raise
        except TimeoutError:
            if progress.sent:
                raise UpstreamTimeout(f"Backend {self._entry.name!r} did not answer in time.") from None
            raise UpstreamUnreachable(
                f"Backend {self._entry.name!r} had no server free in time; nothing was sent."
            ) from None

    def _least_loaded(self) -> Server:
        return min(self._servers, key=lambda server: (server.conversation is None, server.load))

    @asynccontextmanager
    async def _taken(self, owner: str) -> AsyncIterator[Server]:
        """A server for one call: the owner's, else the least loaded; alone where it may ask the client."""
        server = self._servers[zlib.crc32(owner.encode()) % len(self._servers)] if owner else self._least_loaded()
        server.load += 1
        try:
            if self._entry.relay:
                async with server.turn:
                    yield server
            else:
                yield server
        finally:
            server.load -= 1

    async def _until_answered(self, server: Server, invocation: Invocation, progress: _Progress) -> bytes:
        """Attempt, and attempt again where that is right."""
        loop = asyncio.get_running_loop()
        ended: ServerEnded | None = None
        patient_until = loop.time() + self._settings.stdio_wait_s
        while True:
            try:
                conversation = await self._ready(server, patient_until)
            except UpstreamUnreachable:
                if ended is not None:
                    raise ended from None
                raise
            try:
                return await self._attempt(conversation, invocation, progress)
            except UpstreamUnreachable:
                progress.sent = ended is not None
                if loop.time() + _PAUSE_S >= patient_until:
                    raise
                await asyncio.sleep(_PAUSE_S)
            except ServerEnded as error:
                if invocation.access == "write" or ended is not None:
                    raise
                ended = error
                patient_until = loop.time() + self._settings.stdio_wait_s

    async def _ready(self, server: Server, patient_until: float) -> Conversation:
        """The server, as soon as it is ready. Raises UpstreamUnreachable with the reason why it is not."""
        try:
            async with asyncio.timeout_at(patient_until):
                conversation = await server.ready()
                await conversation.outlet.writable()
                return conversation
        except TimeoutError:
            if server.conversation is not None:
                reason = f"The server of backend {self._entry.name!r} does not read what it is sent."
            else:
                reason = server.reason
            raise UpstreamUnreachable(f"{reason} Nothing of the call was sent.") from None

    async def _attempt(self, conversation: Conversation, invocation: Invocation, progress: _Progress) -> bytes:
        """Send the call once."""
        request = wire.relayed(conversation.next_id(), invocation, modern=conversation.modern)
        hearing = Hearing(
            changed=self._changes.lists_changed,
            updated=self._changes.resource_changed,
            requests_max=self._settings.upstream_requests_max,
            reply=conversation.reply,
            report=invocation.report if invocation.wants_progress else None,
            notify=invocation.notify,
            ask=only_relayed(self._entry.relay, invocation.ask),
            token=request.id,
            progress_per_s_max=self._settings.upstream_progress_per_s_max,
            least_severe=least_severe(invocation.client),
        )
        _want_level(conversation, invocation.client.log_level)
        await invocation.dispatch()
        progress.sent, progress.to, progress.heard = True, conversation, conversation.heard
        result = result_of(await conversation.send(request, hearing))
        if await too_deep(result, self._settings.json_depth_max - 1):
            raise UpstreamBadResponse(f"The upstream's answer nests deeper than {self._settings.json_depth_max}.")
        return result


def _want_level(conversation: Conversation, level: str) -> None:
    """Ask for more log messages than before (2025 era, server/utilities/logging). The answer is not waited for: the request
    that comes next is read after it."""
    wanted = "logging" in conversation.capabilities and more_verbose(level, conversation.log_level)
    if wanted and not conversation.modern:
        params = b'"level":"%b"' % level.encode()
        request = wire.request(conversation.next_id(), "logging/setLevel", modern=False, params=params)
        if conversation.tell(request.body):
            conversation.log_level = level


def _note_silence(server: Server, progress: _Progress, until: float) -> None:
    """Doubt a server that said nothing at all in the whole time of a call."""
    timed_out = asyncio.get_running_loop().time() >= until - _PAUSE_S
    if timed_out and progress.sent and progress.to is not None and progress.to.heard == progress.heard:
        server.doubt(progress.to)
