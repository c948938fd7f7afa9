"""A call's stream, taken up again on any edge (MCP 2025-11-25, "Resumability and redelivery").

The events are read from the durable copy, after the one that the client saw last, until the call's end. Only requests of
the session that asks are looked up, so an event id of another session's finds nothing.
"""

import asyncio

from edge.exchange import Exchange, Send
from edge.outgoing import Outgoing
from edge.parse import Message
from edge.problems import INVALID_REQUEST, Refusal
from edge.relay import Relay
from edge.render import STREAM_HEADERS
from edge.respond import Responder, watch
from edge.running import Running
from edge.sessions.event_ids import CallPosition
from edge.sessions.event_stream import patient
from edge.sessions.requests import SessionRequests, call_of
from edge.sessions.store import Session
from edge.sessions.streams import Streams
from edge.waiter import Waiter
from shared.clock import BrokerClock
from shared.queue import NEVER_THE_SAME, Same
from shared.sessions import SessionRequest
from shared.settings import Settings


class Resumption:
    """Takes up streams of calls again."""

    def __init__(
        self,
        requests: SessionRequests,
        relay: Relay,
        responder: Responder,
        streams: Streams,
        clock: BrokerClock,
        settings: Settings,
    ) -> None:
        self._requests = requests
        self._relay = relay
        self._responder = responder
        self._streams = streams
        self._clock = clock
        self._events_max = settings.call_events_max
        self._slow_reader_s = settings.slow_reader_s

    async def answer(self, exchange: Exchange, session: Session, after: CallPosition) -> None:
        """Answer a GET with the events of a call after that place. Raises Refusal, BrokerUnavailable."""
        request = await self._requests.find(session, after.ticket)
        if request is None:
            raise Refusal(400, INVALID_REQUEST, "The Last-Event-ID is not one of this session's, or too old.")
        # Not registered with the relay: the stream that is broken may not know it yet.
        waiter = Waiter(request.call_id, request.group, request.backend, self._events_max)
        waiter.skip_to(after.seq)
        resumed = _exchange_of(exchange, request, patient(exchange.send, self._slow_reader_s))
        deadline = self._clock.monotonic_of(request.deadline_ms)
        same = Same(request.reattach, "look") if request.reattach else NEVER_THE_SAME
        call = call_of(request, session)
        running = Running(
            call, _outgoing_of(request), waiter, deadline, same, findable=bool(request.reattach), attached=True
        )
        with self._streams.counted(exchange.principal):
            await exchange.send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            loop = asyncio.get_running_loop()
            tasks = [
                loop.create_task(self._relay.read_until_over(waiter)),
                loop.create_task(watch(exchange.receive, waiter)),
            ]
            try:
                await self._responder.follow(resumed, running, after.ticket, streaming=True)
            finally:
                for task in tasks:
                    task.cancel()


def _exchange_of(exchange: Exchange, request: SessionRequest, send: Send) -> Exchange:
    """The exchange of the request whose stream it is."""
    return Exchange(
        principal=exchange.principal,
        message=Message("legacy", request.method, request.rpc_id, {}),
        body=b"",
        headers=exchange.headers,
        backend=exchange.backend,
        session=exchange.session,
        receive=exchange.receive,
        send=send,
    )


def _outgoing_of(request: SessionRequest) -> Outgoing:
    return Outgoing(
        group=request.group,
        backend=request.backend,
        method=request.method,
        subject=request.tool,
        access=request.access,
        arguments=b"{}",
        meta={} if request.progress_token is None else {"progressToken": request.progress_token},
        compared={},
    )
