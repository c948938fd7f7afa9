"""The channel of all edges: what one has to tell the others about a session's stream, signed with the edges' own key.

Nothing is lost for good when a word is: an ended session is noticed when its stream is kept alive, subscriptions are read
again then, and an inbox is looked into by itself.
"""

from collections.abc import Callable
from typing import Literal

import structlog

from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal, unseal
from shared.errors import ForgedMessage
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.sessions import Told

log = structlog.get_logger()

What = Literal["ended", "taken", "subscribed", "posted"]

_AGE_MS_MAX = 60_000


class EdgesChannel:
    """Speaks, and passes on what is heard."""

    def __init__(
        self, line: RedisLine, ring: KeyRing, clock: BrokerClock, edge_id: str, *, refused: Callable[[str, str], None]
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._edge_id = edge_id
        self._refused = refused
        self.heard: dict[What, Callable[[str], None]] = {}
        """Who acts on what: called with the session's digest."""

    def tell(self, what: What, digest: str) -> None:
        """Say it to all edges, this one included."""
        told = Told(what=what, digest=digest, by=self._edge_id, at_ms=self._clock.now_ms())
        self._line.send("PUBLISH", keys.EDGES, seal(self._ring, "edge", told))

    def on_message(self, data: bytes) -> None:
        """Pass on what an edge said; refuse, count and record what is not an edge's word."""
        try:
            told = unseal(self._ring, "edge", data, Told)
            if abs(self._clock.now_ms() - told.at_ms) > _AGE_MS_MAX:
                raise ForgedMessage("the word of an edge is too old")
        except ForgedMessage as forged:
            self._refused("session", forged.detail)
            return
        own = told.by == self._edge_id
        if told.what in self.heard and not (own and told.what == "taken"):
            self.heard[told.what](told.digest)
