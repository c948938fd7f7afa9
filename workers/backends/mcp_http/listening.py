"""Who hears what an upstream says on a stream that belongs to no request."""

from shared.settings import Settings
from workers.backends.mcp_http.changes import Changes
from workers.backends.mcp_http.exchange import Exchange
from workers.backends.mcp_http.session import Session
from workers.backends.mcp_protocol.hearing import Hearing
from workers.backends.mcp_protocol.message import Hear, Message


class Listening:
    """Makes the listeners of one backend."""

    def __init__(self, exchange: Exchange, changes: Changes, settings: Settings) -> None:
        self._exchange = exchange
        self._changes = changes
        self._settings = settings

    def to(self, session: Session) -> Hear:
        """The listener of one session's stream.

        A request or log message there is taken for one call's only where nobody else can be meant: the session is one
        owner's, and exactly one call is in flight on it.
        """
        hearing = Hearing(
            changed=self._changes.tell,
            updated=self._changes.tell_updated,
            requests_max=self._settings.upstream_requests_max,
            reply=self._exchange.replier(session),
            endless=True,
        )

        async def hear(message: Message) -> None:
            if session.owned and len(session.hearings) == 1:
                await session.hearings[0](message)
            else:
                await hearing(message)

        return hear
