"""listen → enqueue: how a request becomes a call on its way, and how it is given up."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, LOG_LEVEL_META_KEY
from redis.exceptions import ResponseError

from edge.directory import Directory
from edge.exchange import Exchange
from edge.outgoing import Outgoing
from edge.relay import Relay
from edge.waiter import Waiter
from shared import keys
from shared.clock import BrokerClock
from shared.configuration import BackendEntry
from shared.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    DeadlineExceeded,
    MeshError,
    OutcomeUnknown,
)
from shared.identity import share_of
from shared.line import RedisLine
from shared.log_levels import LOG_LEVELS
from shared.mesh_keys import KeyRing
from shared.messages import Client, ToolCall
from shared.queue import Limits, cancel, enqueue
from shared.settings import Settings

log = structlog.get_logger()

_PRIVATE_META = ("openai/", "io.modelcontextprotocol/", "timezone", "progressToken")
"""Members of `_meta` that end here: the envelope of this hop, and what tells about the person (place, device)."""
_NOBODY = Client(era="legacy")


@dataclass(frozen=True, slots=True)
class Running:
    """A call that is on its way."""

    call: ToolCall
    outgoing: Outgoing
    waiter: Waiter
    deadline: float
    """Loop time."""


class Calls:
    """Starts calls, and ends those that nobody waits for."""

    def __init__(
        self,
        directory: Directory,
        relay: Relay,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        settings: Settings,
        *,
        in_touch: Callable[[], bool],
    ) -> None:
        """`in_touch` tells whether the broker answers and speaks: without it silence of workers means nothing."""
        self._in_touch = in_touch
        self._directory = directory
        self._relay = relay
        self._line = line
        self._ring = ring
        self._clock = clock
        self._timeout_ms = int(settings.exec_timeout_s * 1000)
        self._limits = Limits(settings.queue_depth_max, settings.principal_in_flight_max)

    async def start(self, exchange: Exchange, outgoing: Outgoing) -> Running:
        """Register who waits for a request, and put it on its queue. Raises MeshError."""
        if not self._in_touch():
            raise BrokerUnavailable("The mesh's broker can't be reached. Try again shortly.", retry_after_s=2)
        if not self._directory.is_live(outgoing.backend):
            raise BackendUnavailable(
                f"No worker serves backend {outgoing.backend!r} now; nothing was started. Try again in a moment."
            )
        now_ms = self._clock.now_ms()
        call = self._call(exchange, outgoing, now_ms)
        waiter = self._relay.listen(call.call_id, outgoing.group, outgoing.backend)
        try:
            await self._enqueue(outgoing.group, call, now_ms)
        except BaseException:
            self._relay.forget(waiter)
            raise
        return Running(call, outgoing, waiter, self._clock.monotonic_of(call.deadline_ms))

    def _call(self, exchange: Exchange, outgoing: Outgoing, now_ms: int) -> ToolCall:
        entry = self._directory.entries[outgoing.backend]
        queue = keys.queue(outgoing.group, outgoing.backend, keys.lane(outgoing.access))
        pending = outgoing.pending
        if pending is not None and pending.worker:
            queue = keys.part(queue, pending.worker)
        return ToolCall(
            call_id=os.urandom(16).hex(),
            queue=queue,
            backend=outgoing.backend,
            tool=outgoing.subject,
            definition=outgoing.definition,
            access=outgoing.access,
            principal=exchange.principal,
            arguments=outgoing.arguments,
            meta=_relayed(outgoing.meta),
            deadline_ms=now_ms + self._timeout_ms,
            reply=self._relay.edge_id,
            progress=progress_token(outgoing.meta) is not None,
            method=outgoing.method,
            client=_client(exchange, entry, outgoing.meta),
            inputs=outgoing.inputs,
            parked=pending.parked if pending is not None else "",
            owner=_owner(exchange, entry),
        )

    async def _enqueue(self, group: str, call: ToolCall, now_ms: int) -> None:
        try:
            await enqueue(self._line, self._ring, group, call, now_ms, self._limits)
        except BrokerUnavailable:
            # Sent and not answered: it may be on the queue. Once more says so, or puts it there; the id makes it one call.
            if not self._line.connected:
                raise
            await enqueue(self._line, self._ring, group, call, now_ms, self._limits)

    def forget(self, running: Running) -> None:
        """Nobody waits for it any more; what runs goes on."""
        self._relay.forget(running.waiter)

    async def cancel(self, running: Running) -> None:
        """Stop a call that its client gave up, as far as it can be stopped."""
        try:
            await cancel(self._line, self._ring, running.outgoing.group, running.call, self._clock.now_ms())
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call not cancelled", call_id=running.call.call_id, reason=type(error).__name__)

    async def give_up(self, running: Running) -> MeshError | None:
        """The deadline has passed: look once more, then say what can be said. None: its end was there after all."""
        try:
            await self._relay.read_copy(running.waiter)
            if running.waiter.final is not None:
                return None
            dropped = await cancel(self._line, self._ring, running.outgoing.group, running.call, self._clock.now_ms())
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call given up without a look", call_id=running.call.call_id, reason=type(error).__name__)
            dropped = False
        if dropped or running.call.access != "write":
            return DeadlineExceeded("The call's time is over and no answer came.")
        return OutcomeUnknown(
            "The call's time is over and no answer came. The write may have taken effect: check before you call again."
        )


def progress_token(meta: Mapping[str, Any]) -> str | int | None:
    """The token under which a client wants to hear of progress, or None."""
    token = meta.get("progressToken")
    return token if isinstance(token, str | int) and not isinstance(token, bool) else None


def _relayed(meta: Mapping[str, Any]) -> bytes:
    """What of `_meta` a backend may see, as JSON; empty for nothing."""
    kept = {name: value for name, value in meta.items() if not name.startswith(_PRIVATE_META)}
    return msgspec.json.encode(kept) if kept else b""


def _client(exchange: Exchange, entry: BackendEntry, meta: Mapping[str, Any]) -> Client:
    """What the backend may learn of the client: in the 2026 era each request says it, before the session does."""
    if exchange.message.era == "modern":
        info, level = meta.get(CLIENT_INFO_META_KEY), meta.get(LOG_LEVEL_META_KEY)
        return Client(
            asking="retry" if entry.relay else "no",
            capabilities=msgspec.json.encode(meta.get(CLIENT_CAPABILITIES_META_KEY) or {}) if entry.relay else b"{}",
            info=msgspec.json.encode(info) if isinstance(info, dict) else b"",
            log_level=level if isinstance(level, str) and level in LOG_LEVELS else "",
        )
    if exchange.session is None:
        return _NOBODY
    client = exchange.session.client
    return client if entry.relay else msgspec.structs.replace(client, asking="no", capabilities=b"{}")


def _owner(exchange: Exchange, entry: BackendEntry) -> str:
    """Whose upstream session a call belongs to. A client that has no session shares that of its principal."""
    if entry.affinity == "none":
        return ""
    share = share_of(exchange.principal)
    if entry.affinity == "session" and exchange.session is not None:
        return f"{share}.{exchange.session.digest[:16]}"
    return share
