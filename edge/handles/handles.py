"""The answer to a call that goes on: a handle, which is a tool result that is no error, or a task."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from redis.exceptions import ResponseError

from edge.call_meta import CALL_META, facts_of
from edge.exchange import Exchange
from edge.handles.budget import Budget, declares_tasks
from edge.handles.store import HandleStore
from edge.handles.task import TaskView
from edge.handles.waited import Waited
from edge.names import MESH_WAIT, called
from edge.running import Running
from shared import keys
from shared.clock import BrokerClock
from shared.errors import BrokerUnavailable
from shared.handles import Handle
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings

_encode = msgspec.json.Encoder().encode


class Handles:
    """Gives them."""

    def __init__(
        self, line: RedisLine, ring: KeyRing, clock: BrokerClock, settings: Settings, *, refused: Callable[[str, str], None]
    ) -> None:
        self.line = line
        self.ring = ring
        self.clock = clock
        self._reattach_s = settings.reattach_s
        self.budget = Budget(settings)
        self.store = HandleStore(line, ring, clock, settings, refused=refused)
        self.view = TaskView(self.store, settings)

    async def give(self, exchange: Exchange, running: Running) -> bytes:
        """Keep what it takes to find the call again; gives the result that names it, as a JSON object.

        `CreateTaskResult` for a client that takes tasks, else a `CallToolResult`; for a call that was handed out before
        (`mesh_wait`) the same handle once more. Raises BrokerUnavailable, but not for those.
        """
        if isinstance(running, Waited):
            return await self._again(running)
        now_ms = self.clock.now_ms()
        handle = Handle(
            call_id=running.call.call_id,
            call=running.call,
            group=running.outgoing.group,
            endpoint=exchange.backend or "",
            reattach=running.same.key if running.same.how != "none" else "",
            own_key=running.same.how == "own",
            kind="task" if declares_tasks(exchange.message) else "handle",
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        await self.store.put(handle)
        if handle.kind == "task":
            return _encode({"resultType": "task", **self.view.working(handle)})
        return self._handle(handle, await self._state(handle), facts_of(running, self._reattach_s))

    async def _again(self, running: Waited) -> bytes:
        try:
            state = await self._state(running.handle)
        except BrokerUnavailable:
            state = "queued"  # nobody can say now; who waits is told to come again in time all the same
        return self._handle(running.handle, state, facts_of(running, self._reattach_s))

    async def _state(self, handle: Handle) -> str:
        """Whether a worker has it: `running`, or `queued`. Raises BrokerUnavailable."""
        try:
            held = await self.line.cmd("EXISTS", keys.lease(keys.job_id(handle.group, handle.call.call_id)))
        except ResponseError as cause:
            raise BrokerUnavailable("The broker can't tell whether the call runs.", retry_after_s=2) from cause
        return "running" if held else "queued"

    @staticmethod
    def _handle(handle: Handle, state: str, facts: Mapping[str, Any]) -> bytes:
        call_id = handle.call_id
        hint = (
            f'The call goes on by itself. Call {MESH_WAIT} with {{"call_id": "{call_id}"}} to get its result; '
            "do not make the same call again."
        )
        call = handle.call
        said = {
            "status": "running",
            "callId": call_id,
            "state": state,
            "tool": call.tool if handle.endpoint else called(call.backend, call.tool),
            "hint": hint,
        }
        text = f"{said['tool']} is still {state} (call {call_id}). {hint}"
        return _encode(
            {
                "content": [{"type": "text", "text": text}],
                "structuredContent": said,
                "isError": False,
                "_meta": {CALL_META: {**facts, "callId": call_id}},
            }
        )
