"""relay → render: the answer to one call, as JSON, or as a stream once something streams.

A call that ends quickly is one JSON body. Progress, or silence for `stream_after_s`, commits to an event stream, with
comments as keep-alive so that proxies do not cut it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from edge.admit import Receive
from edge.calls import Calls, Running
from edge.parse import CallParams, Message
from edge.render import (
    KEEP_ALIVE,
    STREAM_HEADERS,
    error_of,
    error_response,
    event,
    progress_notification,
    rpc_result,
)
from shared.messages import Final, ToolResult
from shared.settings import Settings

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WATCH_AFTER_S = 0.05
"""Calls that end sooner are not watched for a client that goes away: there would be nothing left to cancel."""
_TICK_S = 0.005
"""The event loop's timers are this coarse: one may wake us a little before the time that it was set for."""
_GRACE_S = 1.5
"""How long after the deadline a worker's own word on it is waited for."""


async def send_json(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    """Send a whole JSON answer."""
    fields = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or ())]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


class Responder:
    """Answers calls."""

    def __init__(self, calls: Calls, settings: Settings) -> None:
        self._calls = calls
        self._stream_after_s = settings.stream_after_s
        self._keepalive_s = settings.keepalive_s

    async def answer(self, running: Running, message: Message, params: CallParams, receive: Receive, send: Send) -> None:
        """Wait for the call's events and write them out; cancels the call when its client gives up."""
        loop = asyncio.get_running_loop()
        waiter = running.waiter
        watching: list[asyncio.Task[None]] = []
        timers = [
            loop.call_later(_WATCH_AFTER_S, lambda: watching.append(loop.create_task(_watch(receive, running)))),
            loop.call_at(running.deadline + _GRACE_S, waiter.wake),
        ]
        try:
            final = await self._follow(running, message, params, send)
            if final is None and message.era == "modern":
                # 2026-07-28: closing the response stream is the cancellation. Before, it explicitly is not.
                await self._calls.cancel(running)
        finally:
            for timer in timers:
                timer.cancel()
            for task in watching:
                task.cancel()
            self._calls.forget(running)

    async def _follow(self, running: Running, message: Message, params: CallParams, send: Send) -> Final | bytes | None:
        """Write events until the end is written; None when the client went away first."""
        loop = asyncio.get_running_loop()
        waiter = running.waiter
        streaming = False
        next_sign = loop.time() + self._stream_after_s
        sign = loop.call_at(next_sign, waiter.wake)
        try:
            while not waiter.gone:
                progress = waiter.take()
                if progress is not None and "progressToken" in params.meta:
                    note = event(progress_notification(params.meta["progressToken"], progress))
                    await self._stream(send, note, started=streaming)
                    streaming = True
                elif waiter.final is not None:
                    body = _final_body(running, waiter.final, message)
                    await self._end(send, body, streaming=streaming)
                    return waiter.final
                elif loop.time() + _TICK_S >= running.deadline + _GRACE_S:
                    error = await self._calls.give_up(running)
                    if error is not None:
                        body = error_response(message.id, error, running.call.call_id, message.era)
                        await self._end(send, body, streaming=streaming)
                        return body
                    continue
                elif loop.time() + _TICK_S >= next_sign:
                    await self._stream(send, KEEP_ALIVE, started=streaming)
                    streaming = True
                else:
                    await waiter.wait()
                    continue
                next_sign = loop.time() + self._keepalive_s
                sign.cancel()
                sign = loop.call_at(next_sign, waiter.wake)
        finally:
            sign.cancel()
        return None

    async def _stream(self, send: Send, chunk: bytes, *, started: bool) -> None:
        if not started:
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _end(self, send: Send, body: bytes, *, streaming: bool) -> None:
        if streaming:
            await send({"type": "http.response.body", "body": event(body)})
        else:
            await send_json(send, 200, body)


def _final_body(running: Running, final: Final, message: Message) -> bytes:
    if isinstance(final, ToolResult):
        return rpc_result(message.id, final.body, message.era)
    return error_response(message.id, error_of(final), running.call.call_id, message.era)


async def _watch(receive: Receive, running: Running) -> None:
    """Notice that the client closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    running.waiter.leave()
