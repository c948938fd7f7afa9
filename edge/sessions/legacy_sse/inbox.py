"""Messages of a legacy SSE client on their way from the edge that took them in to the edge that holds the stream."""

from collections.abc import Callable

from redis.exceptions import ResponseError

from edge.problems import INVALID_REQUEST, Refusal, too_many
from edge.sessions.edges_channel import EdgesChannel
from shared import keys
from shared.codec import seal, unseal
from shared.errors import ForgedMessage
from shared.identity import Principal
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.sessions import Posted, Session

_LIFE_MS = 60_000


class Inbox:
    """Puts messages in, and takes them out in their order, each once."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        edges: EdgesChannel,
        *,
        messages_max: int,
        refused: Callable[[str, str], None],
    ) -> None:
        self._line = line
        self._ring = ring
        self._edges = edges
        self._messages_max = messages_max
        self._refused = refused

    async def put(self, session: Session, principal: Principal, body: bytes) -> None:
        """Hand a message to the edge that holds the session's stream.

        Raises Refusal 503 when too many wait, 404 when that edge is gone (and the stream with it), BrokerUnavailable.
        """
        name = keys.inbox(session.digest)
        sealed = seal(self._ring, "edge", Posted(digest=session.digest, principal=principal, body=body))
        waiting = self._line.cmd("RPUSH", name, sealed)
        self._line.send("PEXPIRE", name, _LIFE_MS)
        full = await waiting > self._messages_max
        if full:
            await self._line.cmd("LREM", name, -1, sealed)
        if not await self._edges.tell_one(session.edge, "posted", session.digest):
            self._line.send("LREM", name, -1, sealed)
            raise Refusal(404, INVALID_REQUEST, "Session not found. Open the stream again.")
        if full:
            raise too_many(503, "Too many of your messages wait. Try again.", retry_after_s=1)

    async def take(self, session: Session) -> Posted | None:
        """The next message, or None. Raises BrokerUnavailable."""
        while True:
            try:
                raw = await self._line.cmd("LPOP", keys.inbox(session.digest))
            except ResponseError:
                self._refused("session", "what lies under an inbox's key is no inbox")
                return None
            if raw is None:
                return None
            try:
                posted = unseal(self._ring, "edge", raw, Posted)
                if posted.digest != session.digest:
                    raise ForgedMessage("the message is for another session's inbox")
            except ForgedMessage as forged:
                self._refused("session", forged.detail)
                continue
            return posted
