"""authorize → validate → listen → enqueue: how a request becomes a call on its way, and how it is given up."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from mcp.shared.inbound import validate_mcp_param_headers
from redis.exceptions import ResponseError

from edge.admit import Headers
from edge.authorize import may_use
from edge.directory import Directory
from edge.parse import CallParams, Message, rejected
from edge.relay import Relay
from edge.tool import Tool
from edge.waiter import Waiter
from shared import keys
from shared.clock import BrokerClock
from shared.errors import (
    BackendUnavailable,
    BrokerUnavailable,
    DeadlineExceeded,
    MeshError,
    OutcomeUnknown,
    UnknownTool,
)
from shared.identity import Principal
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import ToolCall
from shared.queue import Limits, cancel, enqueue
from shared.settings import Settings

log = structlog.get_logger()

_PRIVATE_META = ("openai/", "io.modelcontextprotocol/", "timezone", "progressToken")
"""Members of `_meta` that end here: the envelope of this hop, and what tells about the person (place, device)."""


@dataclass(frozen=True, slots=True)
class Running:
    """A call that is on its way."""

    call: ToolCall
    group: str
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

    def find(self, principal: Principal, name: str) -> Tool:
        """authorize: the tool, if there is one that this principal may use. Raises UnknownTool."""
        tool = self._directory.tools.get(name)
        if tool is None or not may_use(principal, name):
            raise UnknownTool(f"Unknown tool: {name[:128]}")
        return tool

    async def start(self, principal: Principal, message: Message, params: CallParams, headers: Headers) -> Running:
        """Check a call, register who waits for it, and put it on its queue. Raises MeshError, Refusal."""
        tool = self.find(principal, params.name)
        if tool.has_param_headers and message.era == "modern":
            rejection = validate_mcp_param_headers(tool.input_schema, params.arguments, headers)
            if rejection is not None:
                raise rejected(rejection, message.id)
        tool.validate(params.arguments)
        if not self._in_touch():
            raise BrokerUnavailable("The mesh's broker can't be reached. Try again shortly.", retry_after_s=2)
        if not self._directory.is_live(tool.backend):
            raise BackendUnavailable(
                f"No worker serves backend {tool.backend!r} now; nothing was started. Try again in a moment."
            )
        now_ms = self._clock.now_ms()
        token = params.meta.get("progressToken")
        call = ToolCall(
            call_id=os.urandom(16).hex(),
            queue=keys.queue(tool.group, tool.backend, keys.lane(tool.access)),
            backend=tool.backend,
            tool=tool.definition.name,
            definition=tool.definition.hash,
            access=tool.access,
            principal=principal,
            arguments=params.raw_arguments,
            meta=_relayed(params.meta),
            deadline_ms=now_ms + self._timeout_ms,
            reply=self._relay.edge_id,
            progress=isinstance(token, str | int) and not isinstance(token, bool),
        )
        waiter = self._relay.listen(call.call_id, tool.group, tool.backend)
        try:
            await self._enqueue(tool.group, call, now_ms)
        except BaseException:
            self._relay.forget(waiter)
            raise
        return Running(call, tool.group, waiter, self._clock.monotonic_of(call.deadline_ms))

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
            await cancel(self._line, self._ring, running.group, running.call, self._clock.now_ms())
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call not cancelled", call_id=running.call.call_id, reason=type(error).__name__)

    async def give_up(self, running: Running) -> MeshError | None:
        """The deadline has passed: look once more, then say what can be said. None: its end was there after all."""
        try:
            await self._relay.read_copy(running.waiter)
            if running.waiter.final is not None:
                return None
            dropped = await cancel(self._line, self._ring, running.group, running.call, self._clock.now_ms())
        except (BrokerUnavailable, ResponseError) as error:
            log.warning("call given up without a look", call_id=running.call.call_id, reason=type(error).__name__)
            dropped = False
        if dropped or running.call.access != "write":
            return DeadlineExceeded("The call's time is over and no answer came.")
        return OutcomeUnknown(
            "The call's time is over and no answer came. The write may have taken effect: check before you call again."
        )


def _relayed(meta: dict[str, Any]) -> bytes:
    """What of `_meta` a backend may see, as JSON; empty for nothing."""
    kept = {name: value for name, value in meta.items() if not name.startswith(_PRIVATE_META)}
    return msgspec.json.encode(kept) if kept else b""
