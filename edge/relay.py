"""relay: one subscription per edge process, from the workers' events to the calls that wait for them.

The channel may lose messages (a reconnect, a slow moment): the durable copy is read whenever the subscription was made anew
or a number is missing, and once more before a call is given up. Final results are keys, progress is a stream.
"""

import asyncio
from collections.abc import Callable

import structlog
from redis.exceptions import ResponseError

from edge.waiter import Waiter
from shared import keys
from shared.codec import open_envelope, unframe
from shared.errors import BrokerUnavailable, ForgedMessage
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Final, Spoken, Stored, ToolFailure, ToolResult

log = structlog.get_logger()

_LOOK_S_MIN, _LOOK_S_MAX = 0.05, 0.25
"""Pauses between two looks at the durable copy of a call whose events go to another edge."""


class Relay:
    """The calls of this edge that are waited for."""

    def __init__(
        self, line: RedisLine, ring: KeyRing, edge_id: str, *, events_max: int, refused: Callable[[str, str], None]
    ) -> None:
        self._line = line
        self._ring = ring
        self._events_max = events_max
        self._refused = refused
        self._waiters: dict[str, Waiter] = {}
        self._reading: set[asyncio.Task[None]] = set()
        self.edge_id = edge_id
        self.channel = keys.reply_channel(edge_id)

    @property
    def waiting(self) -> int:
        """How many calls are waited for."""
        return len(self._waiters)

    def listen(self, call_id: str, group: str, backend: str) -> Waiter:
        """Wait for the events of a call from now on; to be done before it is enqueued."""
        waiter = self._waiters[call_id] = Waiter(call_id, group, backend, self._events_max)
        return waiter

    def forget(self, waiter: Waiter) -> None:
        """Nobody waits for this call any more."""
        self._waiters.pop(waiter.call_id, None)

    def on_message(self, data: bytes) -> None:
        """Hand what came over the channel to the calls that it is for."""
        try:
            events = unframe(data)
        except ForgedMessage as forged:
            self._refused("result", forged.detail)
            return
        for raw in events:
            try:
                self._on_event(raw)
            except ForgedMessage as forged:
                self._refused("result", forged.detail)

    def _on_event(self, raw: bytes) -> None:
        group, event = open_envelope(self._ring, raw)
        if not isinstance(event, Spoken | ToolResult | ToolFailure | Stored):
            raise ForgedMessage("what came as an event is something else")
        waiter = self._waiters.get(event.call_id)
        if waiter is None:
            return  # answered already, or its client is gone
        if group != waiter.group or (not isinstance(event, Spoken) and event.backend != waiter.backend):
            raise ForgedMessage("the event is from another backend than the call")
        if isinstance(event, Stored) or not waiter.push(event):
            self._read_soon(waiter)

    def _read_soon(self, waiter: Waiter) -> None:
        task = asyncio.get_running_loop().create_task(self._read_quietly(waiter))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read_quietly(self, waiter: Waiter) -> None:
        try:
            await self.read_copy(waiter)
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("durable copy not read", call_id=waiter.call_id, reason=type(error).__name__)

    async def read_copy(self, waiter: Waiter) -> None:
        """Read the durable copy of a call's events; what was seen is dropped. Raises BrokerUnavailable."""
        jid = keys.job_id(waiter.group, waiter.call_id)
        # The final result first: it is written after the last progress, so no progress can be missed before it.
        final_read = self._line.cmd("GET", keys.final(jid))
        events_read = self._line.cmd("XRANGE", keys.events(jid), "-", "+")
        raw, entries = await final_read, await events_read
        copies = [fields[1] for _, fields in entries]
        if raw is not None:
            copies.append(raw)
        for copy in copies:
            event = self._verify(waiter, copy)
            if event is not None and not waiter.push(event):
                waiter.skip_to(event.seq - 1)  # trimmed: the stream keeps the latest events only
                waiter.push(event)

    def _verify(self, waiter: Waiter, raw: bytes) -> Spoken | ToolResult | ToolFailure | None:
        """A message of the durable copy, or None for what is forged (which is counted and recorded)."""
        try:
            group, message = open_envelope(self._ring, raw)
            if not isinstance(message, Spoken | ToolResult | ToolFailure):
                raise ForgedMessage("what lies under the call's key is not one of its events")
            if (group, message.call_id) != (waiter.group, waiter.call_id):
                raise ForgedMessage("what lies under the call's key is for another call")
            if not isinstance(message, Spoken) and message.backend != waiter.backend:
                raise ForgedMessage("what lies under the call's key is from another backend")
        except ForgedMessage as forged:
            self._refused("result", forged.detail)
            return None
        return message

    async def kept_end(self, group: str, backend: str, call_id: str) -> Final | None:
        """The end of a call, as far as it is kept; None where it is not. Raises BrokerUnavailable, ResponseError."""
        raw = await self._line.cmd("GET", keys.final(keys.job_id(group, call_id)))
        event = self._verify(Waiter(call_id, group, backend, 1), raw) if raw is not None else None
        return event if isinstance(event, ToolResult | ToolFailure) else None

    async def read_until_over(self, waiter: Waiter) -> None:
        """Read it again and again, until the call's end is there: the live events go to the edge that enqueued it."""
        pause_s = _LOOK_S_MIN
        while waiter.final is None:
            await self._read_quietly(waiter)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LOOK_S_MAX)

    async def recover(self) -> None:
        """After a (new) subscription: look up every open call."""
        for waiter in list(self._waiters.values()):
            await self._read_quietly(waiter)
