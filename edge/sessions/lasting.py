"""What lasts longer than a request, put together: sessions, their streams, and what changes at backends."""

import asyncio
from collections.abc import Callable, Collection

from edge.authorize import Authorizer
from edge.directory import Directory
from edge.endpoint import McpEndpoint
from edge.relay import Relay
from edge.respond import Responder
from edge.sessions.changes import Changes
from edge.sessions.edges_channel import EdgesChannel
from edge.sessions.legacy_sse.inbox import Inbox
from edge.sessions.legacy_sse.transport import LegacySse
from edge.sessions.listen import Listening
from edge.sessions.replay import Replay
from edge.sessions.requests import SessionRequests
from edge.sessions.resumption import Resumption
from edge.sessions.session_streams import Resolve, SessionStreams
from edge.sessions.standing import Standing
from edge.sessions.store import Sessions
from edge.sessions.streams import Streams
from edge.sessions.wanted import Wanted
from edge.shelf import Shelf
from shared import keys
from shared.clock import BrokerClock
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings


class Lasting:
    """These parts of one edge."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        directory: Directory,
        authorizer: Authorizer,
        resolve: Resolve,
        settings: Settings,
        edge_id: str,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._settings = settings
        self._authorizer = authorizer
        self._refused = refused
        self._group_of = {name: entry.group for name, entry in directory.entries.items()}
        self._edges = EdgesChannel(line, ring, clock, edge_id, refused=refused)
        self.sessions = Sessions(line, ring, clock, settings, self._edges, refused=refused)
        self.requests = SessionRequests(line, ring, clock, edge_id, result_ttl_s=settings.result_ttl_s, refused=refused)
        self._streams = Streams(settings)
        self._wanted = Wanted(line, ring, clock, self._group_of, principal_max=settings.wanted_principal_max)
        self._changes = Changes(ring, self._group_of, self._wanted, authorizer, refused=refused)
        self._session_streams = SessionStreams(
            self.sessions,
            self._streams,
            self._changes,
            self._edges,
            resolve,
            session_idle_s=settings.session_idle_s,
        )
        self.listening = Listening(self._streams, self._changes, resolve, settings)
        self._legacy: LegacySse | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def standing(self, relay: Relay, responder: Responder) -> Standing:
        """What answers the GET of a session."""
        resumption = Resumption(self.requests, relay, responder, self._streams, self._clock, self._settings)
        replay = Replay(self._line, self._ring, self._group_of, self._authorizer, refused=self._refused)
        return Standing(self._session_streams, replay, resumption, self._clock)

    def legacy_sse(self, endpoint: McpEndpoint, path_prefix: str) -> LegacySse:
        """The transport of 2024-11-05."""
        settings = self._settings
        inbox = Inbox(self._line, self._ring, self._edges, messages_max=settings.inbox_messages_max, refused=self._refused)
        self._legacy = LegacySse(
            endpoint, self.sessions, self._session_streams, inbox, self._edges, settings, path_prefix=path_prefix
        )
        return self._legacy

    @property
    def channels(self) -> list[str]:
        """The channels to listen on."""
        return [keys.CHANGES, *self._edges.channels]

    def on_message(self, channel: str, data: bytes) -> None:
        """Take what came over one of them."""
        if channel == keys.CHANGES:
            self._changes.on_message(data)
        else:
            self._edges.on_message(data)

    def on_catalogue(self, backend: str, kinds: Collection[str], former: Shelf | None) -> None:
        """A backend's new catalogue is served from now on, and differs in that from what it offered before."""
        self._changes.on_catalogue(backend, kinds, former)

    def on_rules(self) -> None:
        """Other rules of who may use what hold from now on."""
        self._changes.on_rules()

    def recover(self) -> None:
        """After each (new) subscription: look for what may have been missed."""
        if self._legacy is not None:
            self._legacy.look_into_all()

    def start(self) -> None:
        """Start what goes on in the background."""
        loop = asyncio.get_running_loop()
        for work in (self._streams.keep_alive(), self._wanted.repeat(), self._session_streams.check()):
            self._tasks.append(loop.create_task(work))

    def drain(self) -> None:
        """End all streams: their clients go to another edge."""
        self._streams.drain()

    def stop(self) -> None:
        """Stop what goes on in the background."""
        for task in self._tasks:
            task.cancel()
