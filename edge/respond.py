"""relay → render: the answer to one request of a backend, as JSON, or as a stream once something streams.

A call that ends quickly is one JSON body. Progress or another word of the backend, or silence for `stream_after_s`, commits
to an event stream, with comments as keep-alive so that proxies do not cut it.
"""

import asyncio
from typing import Protocol

import msgspec

from edge.admit import Receive
from edge.call_meta import facts_of, with_call
from edge.calls import Calls
from edge.draft import progress_token
from edge.exchange import Exchange, Send
from edge.finishing import Finisher
from edge.hints import Hints
from edge.outgoing import unknown_of
from edge.problems import refusal_of
from edge.render import (
    KEEP_ALIVE,
    STREAM_HEADERS,
    error_response,
    event,
    notice,
    progress_notification,
    refusal_body,
    rpc_result,
)
from edge.running import TICK_S, Running
from edge.sessions.event_ids import primer
from edge.sessions.event_stream import patient
from edge.waiter import Waiter
from edge.waiting import Waiting
from shared import failpoints
from shared.errors import BrokerUnavailable, NotAuthorized, UpstreamBadResponse
from shared.messages import Final, Progress, Spoken, ToolResult
from shared.settings import Settings

_WATCH_AFTER_S = 0.05
"""Calls that end sooner are not watched for a client that goes away: there would be nothing left to cancel."""
_TURNS = 4
"""Turns of the event loop after which it has surely heard that a connection was closed before."""


class Record(Protocol):
    """What a session keeps of its requests, so that other edges know of them."""

    def note_request(self, exchange: Exchange, running: Running) -> str:
        """Keep the call behind a request; gives the name that the events of its stream begin with. Never waits."""
        ...

    def forget_request(self, exchange: Exchange) -> None:
        """It was answered whole: there is nothing to cancel any more, and no stream to take up again. Never waits."""
        ...

    async def note_question(self, exchange: Exchange, running: Running, request_id: str) -> None:
        """Keep which call asked the client something, before it is asked."""
        ...


class Handing(Protocol):
    """How a call is answered that goes on without its connection."""

    async def give(self, exchange: Exchange, running: Running) -> bytes:
        """Keep what it takes to find the call again; gives the result that names it. Raises BrokerUnavailable."""
        ...


async def send_json(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Send a whole JSON answer."""
    fields = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or ())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


class Responder:
    """Answers requests that went to a backend."""

    def __init__(
        self,
        calls: Calls,
        waiting: Waiting,
        record: Record,
        finisher: Finisher,
        handing: Handing,
        hints: Hints,
        settings: Settings,
    ) -> None:
        self._calls = calls
        self._waiting = waiting
        self._record = record
        self._finisher = finisher
        self._handing = handing
        self._hints = hints
        self._reattach_s = settings.reattach_s
        self._stream_after_s = settings.stream_after_s
        self._keepalive_s = settings.keepalive_s
        self._slow_reader_s = settings.slow_reader_s

    async def answer(self, exchange: Exchange, running: Running) -> None:
        """Wait for the call's events and write them out; the mesh learns when its client gives up."""
        loop = asyncio.get_running_loop()
        waiter = running.waiter
        ticket = self._record.note_request(exchange, running) if exchange.session is not None else ""
        watching: list[asyncio.Task[None]] = []

        def start_watching() -> None:
            self._waiting.note(running)
            watching.append(loop.create_task(watch(exchange.receive, waiter)))

        timers = [
            loop.call_later(_WATCH_AFTER_S, start_watching),
            loop.call_at(running.late_at, waiter.wake),
        ]
        if running.hand_at is not None:
            timers.append(loop.call_at(running.hand_at, waiter.wake))
        done = False
        try:
            done = await self.follow(exchange, running, ticket)
        finally:
            for timer in timers:
                timer.cancel()
            for task in watching:
                task.cancel()
            if not done:
                # 2026-07-28: closing the response stream is the cancellation. Before, it explicitly is not.
                await self._waiting.left(running, cancels=waiter.gone and exchange.message.era == "modern")
            self._calls.forget(running)

    async def follow(self, exchange: Exchange, running: Running, ticket: str, *, streaming: bool = False) -> bool:
        """Write events until the end (or a handle) is written; False when the client went away first.

        `streaming`: the head of an event stream is written already.
        """
        loop = asyncio.get_running_loop()
        waiter = running.waiter
        send = exchange.send
        next_sign = loop.time() + self._stream_after_s
        sign = loop.call_at(next_sign, waiter.wake)
        try:
            while not waiter.gone:
                said = waiter.take()
                if said is not None:
                    chunk = await self._words(exchange, running, said, ticket)
                    if not chunk:
                        continue  # progress that nobody asked for
                elif waiter.final is not None:
                    return await self._deliver(exchange, running, waiter.final, send, ticket, streaming=streaming)
                elif loop.time() + TICK_S >= running.late_at:
                    error = await self._calls.give_up(running)
                    if error is not None:
                        status, body = error_response(exchange.message, error, running.call.call_id)
                        await _end(send, status, body, "", streaming=streaming)
                        return True
                    continue
                elif running.hand_at is not None and loop.time() + TICK_S >= running.hand_at:
                    if await self._hand(exchange, running, send, streaming=streaming):
                        return True
                    continue
                elif loop.time() + TICK_S >= next_sign:
                    chunk = KEEP_ALIVE
                else:
                    await waiter.wait()
                    continue
                if not streaming:
                    chunk = await self._start_stream(exchange, ticket) + chunk
                    send, streaming = patient(send, self._slow_reader_s), True
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                next_sign = loop.time() + self._keepalive_s
                sign.cancel()
                sign = loop.call_at(next_sign, waiter.wake)
        finally:
            sign.cancel()
        return False

    async def _deliver(
        self, exchange: Exchange, running: Running, final: Final, send: Send, ticket: str, *, streaming: bool
    ) -> bool:
        """Write the end, and tell the mesh that it was written. False when the client turns out to be gone."""
        hint = ""
        if isinstance(final, ToolResult) and running.outgoing.method == "tools/call" and exchange.backend is None:
            hint = await self._hints.due(exchange.principal, running.outgoing.backend, final.body)
        status, body = self.final_body(exchange, running, final, hint)
        failpoints.reached("edge.before_deliver")
        if running.findable:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            if running.waiter.gone:
                return False
        await _end(send, status, body, f"{ticket}_{final.seq}" if ticket else "", streaming=streaming)
        failpoints.reached("edge.after_deliver")
        self._waiting.delivered(running)
        if not streaming and exchange.session is not None:
            self._record.forget_request(exchange)
        return True

    async def _hand(self, exchange: Exchange, running: Running, send: Send, *, streaming: bool) -> bool:
        """Answer with a handle. False where it can't be kept now: then the call is waited for as before."""
        running.hand_at = None
        try:
            body = await self._handing.give(exchange, running)
            await self._waiting.handed(running)
        except BrokerUnavailable:
            return False
        message = exchange.message
        await _end(send, 200, rpc_result(message.id, body, message.era), "", streaming=streaming)
        if not streaming and exchange.session is not None:
            self._record.forget_request(exchange)
        return True

    async def _start_stream(self, exchange: Exchange, ticket: str) -> bytes:
        """Commit to a stream; gives the event that tells the client where to read on from, if it is for that."""
        await exchange.send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        return primer(f"{ticket}_0", exchange.session.version) if exchange.session is not None and ticket else b""

    async def _words(self, exchange: Exchange, running: Running, said: Spoken, ticket: str) -> bytes:
        """What a backend said beside the answer, as an event; empty for what is not for this client."""
        event_id = f"{ticket}_{said.seq}" if ticket else ""
        if isinstance(said, Progress):
            token = progress_token(running.outgoing.meta)
            return b"" if token is None else event(progress_notification(token, said), event_id)
        if said.request_id:
            if exchange.session is None:
                return b""
            await self._record.note_question(exchange, running, said.request_id)
        return event(notice(said), event_id)

    def final_body(self, exchange: Exchange, running: Running, final: Final, hint: str = "") -> tuple[int, bytes]:
        """HTTP status and JSON-RPC response of a call that is over. `hint`: the operator's, to be given with a result."""
        message = exchange.message
        facts = facts_of(running, self._reattach_s) if running.findable else None
        try:
            if isinstance(final, ToolResult):
                body = self._finisher.finish(exchange, running, final, hint)
                if facts is not None:
                    body = with_call(body, facts)
                return 200, rpc_result(message.id, body, message.era)
            error = self._finisher.shorten(exchange, final)
            if isinstance(error, NotAuthorized):
                # The edge's rules allowed it: what the worker says of its own ones is for the operator, who has the audit.
                refusal = refusal_of(unknown_of(exchange, running.outgoing), message.id, message.era)
                return refusal.http_status, refusal_body(refusal)
        except (msgspec.DecodeError, UnicodeDecodeError):
            error = UpstreamBadResponse("The backend's result is not what the method gives.")
        return error_response(message, error, running.call.call_id, facts)


async def _end(send: Send, status: int, body: bytes, event_id: str, *, streaming: bool) -> None:
    if streaming:
        await send({"type": "http.response.body", "body": event(body, event_id)})
    else:
        await send_json(send, status, body)


async def watch(receive: Receive, waiter: Waiter) -> None:
    """Notice that the client closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    waiter.leave()
