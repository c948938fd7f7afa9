"""The channel of all edges: what one has to tell the others about a session's stream, signed with the edges' own key.

Nothing is lost for good when a word is: an ended session is noticed when its stream is kept alive, subscriptions are read
again then, and an inbox is looked into by itself.
"""

from collections.abc import Callable
from typing import Literal

from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal, unseal
from shared.errors import ForgedMessage
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.sessions import Told

What = Literal["ended", "taken", "subscribed", "posted"]

Act = Callable[[str, int], None]
"""`(digest of the session, when it was said)`."""

_AGE_MS_MAX = 60_000


class EdgesChannel:
    """Speaks, and passes on what is heard."""

    def __init__(
        self, line: RedisLine, ring: KeyRing, clock: BrokerClock, edge_id: str, *, refused: Callable[[str, str], None]
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._refused = refused
        self.edge_id = edge_id
        self._acting: dict[What, list[Act]] = {}

    @property
    def channels(self) -> list[str]:
        """The channels to listen on."""
        return [keys.EDGES, keys.edge_channel(self.edge_id)]

    def act_on(self, what: What, act: Act) -> None:
        """Have it called when that is heard."""
        self._acting.setdefault(what, []).append(act)

    def tell(self, what: What, digest: str) -> int:
        """Say it to all edges, this one included; gives the time that it is said at."""
        at_ms = self._clock.now_ms()
        self._line.send("PUBLISH", keys.EDGES, self._word(what, digest, at_ms))
        return at_ms

    async def tell_one(self, edge_id: str, what: What, digest: str) -> bool:
        """Say it to one edge; gives whether it listens. Raises BrokerUnavailable."""
        word = self._word(what, digest, self._clock.now_ms())
        return bool(await self._line.cmd("PUBLISH", keys.edge_channel(edge_id), word))

    def _word(self, what: What, digest: str, at_ms: int) -> bytes:
        return seal(self._ring, "edge", Told(what=what, digest=digest, by=self.edge_id, at_ms=at_ms))

    def on_message(self, data: bytes) -> None:
        """Pass on what an edge said; refuse, count and record what is not an edge's word."""
        try:
            told = unseal(self._ring, "edge", data, Told)
            if abs(self._clock.now_ms() - told.at_ms) > _AGE_MS_MAX:
                raise ForgedMessage("the word of an edge is too old")
        except ForgedMessage as forged:
            self._refused("session", forged.detail)
            return
        if told.what == "taken" and told.by == self.edge_id:
            return  # it is here that the new stream is
        for act in self._acting.get(told.what, ()):
            act(told.digest, told.at_ms)
