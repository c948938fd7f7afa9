"""The GET of a 2025-era session (MCP 2025-11-25, "Listening for Messages from the Server").

Without `Last-Event-ID`, or with one of its own events, it is the session's standing stream, which carries what changes at
backends; what belongs to a request travels on that request's stream, which can be taken up again the same way.
"""

from edge.admit import accepted
from edge.exchange import Exchange
from edge.problems import INVALID_REQUEST, Refusal
from edge.sessions.event_ids import CallPosition, ChangePosition, position_of, primer
from edge.sessions.replay import Replay
from edge.sessions.resumption import Resumption
from edge.sessions.session_streams import SessionStreams
from edge.sessions.store import Session
from shared.clock import BrokerClock

_PRIMED_BACK_MS = 1_000
"""A new stream starts a little in the past: what happened while it was opened is told rather twice than not at all."""


class Standing:
    """Answers it."""

    def __init__(self, session_streams: SessionStreams, replay: Replay, resumption: Resumption, clock: BrokerClock) -> None:
        self._session_streams = session_streams
        self._replay = replay
        self._resumption = resumption
        self._clock = clock

    async def answer(self, exchange: Exchange) -> None:
        """Answer with a stream. Raises Refusal, BrokerUnavailable."""
        session = exchange.session
        if session is None:
            raise Refusal(400, INVALID_REQUEST, "Send the Mcp-Session-Id.")
        if not accepted(exchange.headers)[1]:
            raise Refusal(406, INVALID_REQUEST, "Send Accept: text/event-stream.")
        position: ChangePosition | CallPosition | None = None
        if last_event_id := exchange.headers.get("last-event-id"):
            position = position_of(last_event_id)
            if position is None:
                raise Refusal(400, INVALID_REQUEST, "The Last-Event-ID is not one of this session's.")
        if isinstance(position, CallPosition):
            await self._resumption.answer(exchange, session, position)
        else:
            await self._stand(exchange, session, position)

    async def _stand(self, exchange: Exchange, session: Session, after: ChangePosition | None) -> None:
        principal, backend = exchange.principal, exchange.backend
        async with self._session_streams.hold(principal, backend, session, exchange.receive, exchange.send) as held:
            if after is not None:
                await self._replay.into(held.feed, after)
            start = after or ChangePosition(max(self._clock.now_ms() - _PRIMED_BACK_MS, 0), 0)
            await self._session_streams.run(held, primer(start.event_id, session.version))
