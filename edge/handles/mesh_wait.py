"""`mesh_wait`: the edge's own tool, by which a client gets the result of a call that was answered with a handle.

It waits here, on the durable copy; no worker is held, and its client's going away ends nothing but the wait.
"""

import asyncio

from edge.exchange import Exchange
from edge.handles.asked import asked_in
from edge.handles.look import Look
from edge.handles.rounds import Rounds
from edge.handles.store import HandleStore
from edge.handles.waited import Waited
from edge.names import MESH_WAIT
from edge.outgoing import Outbox
from edge.own_definition import own_tool
from edge.parse import parse_call
from edge.relay import Relay
from edge.request_state import Pending
from edge.respond import Responder, watch
from edge.shelf import Item
from edge.tool import Tool
from shared.errors import UnknownCall
from shared.handles import Handle
from shared.identity import Principal
from shared.settings import Settings

_DEFAULT_S = 30.0
_DESCRIPTION = (
    'Get the result of a call that is still running. Use it when a tool answered with status "running" and a callId: pass '
    "that callId as call_id. It waits up to max_wait_s seconds. If the call is not over by then, the answer says "
    '"running" again: call mesh_wait again. Do not repeat the original call instead; it goes on by itself.'
)


def mesh_wait_tool(wait_s_max: float) -> Tool:
    """Its definition. `wait_s_max`: longest wait of one call, in seconds."""
    default_s = min(_DEFAULT_S, wait_s_max)
    definition = {
        "title": "Wait for a running call",
        "description": _DESCRIPTION,
        "inputSchema": {
            "type": "object",
            "properties": {
                "call_id": {"type": "string", "description": "The callId of the call."},
                "max_wait_s": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": wait_s_max,
                    "default": default_s,
                    "description": "How many seconds to wait at most; 0 only looks.",
                },
            },
            "required": ["call_id"],
            "additionalProperties": False,
        },
        "annotations": {"openWorldHint": False},
    }
    return own_tool(MESH_WAIT, definition)


class MeshWait:
    """Answers calls of it."""

    def __init__(
        self,
        store: HandleStore,
        look: Look,
        rounds: Rounds,
        outbox: Outbox,
        relay: Relay,
        responder: Responder,
        settings: Settings,
    ) -> None:
        self.tool = mesh_wait_tool(settings.mesh_wait_s_max)
        self._store = store
        self._look = look
        self._rounds = rounds
        self._outbox = outbox
        self._relay = relay
        self._responder = responder
        self._wait_s = min(_DEFAULT_S, settings.mesh_wait_s_max)

    def listed_for(self, principal: Principal) -> Item:
        """The same for everybody."""
        return self.tool.listed

    async def answer(self, exchange: Exchange) -> None:
        """Answer with the result of the call, or with its handle again. Raises MeshError before anything is answered."""
        params = parse_call(exchange.body, exchange.message)
        self.tool.validate(params.arguments)
        handle = await self._store.find(params.arguments["call_id"], exchange.principal)
        waited = await self._look.at(handle, params.meta) if handle is not None else None
        if handle is not None and waited is not None and params.inputs:
            handle = await self._given(exchange, waited, params.inputs)
            waited = await self._look.at(handle, params.meta)
        if waited is None:
            raise UnknownCall("There is no such call, or its result is not kept any more. Check the call_id.")
        await self._wait(exchange, waited, float(params.arguments.get("max_wait_s", self._wait_s)))

    async def _wait(self, exchange: Exchange, waited: Waited, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        waiter = waited.waiter
        waited.hand_at = loop.time() + wait_s
        timers = [loop.call_at(at, waiter.wake) for at in (waited.hand_at, waited.late_at)]
        tasks = [
            loop.create_task(self._relay.read_until_over(waiter)),
            loop.create_task(watch(exchange.receive, waiter)),
        ]
        try:
            answered = await self._responder.follow(exchange, waited, "")
        finally:
            for timer in timers:
                timer.cancel()
            for task in tasks:
                task.cancel()
        if answered and waiter.final is not None:
            self._store.use_up(waited.handle)

    async def _given(self, exchange: Exchange, waited: Waited, inputs: dict[str, bytes]) -> Handle:
        """The call had asked something, and this is the answer (2026 era): it goes on, unless it did already."""
        outgoing = self._outbox.brought_back(exchange, waited.outgoing, inputs)
        async with self._store.changing(waited.handle.call_id):
            handle = await self._store.find(waited.handle.call_id, exchange.principal)
            now = await self._look.at(handle) if handle is not None else None
            asked = asked_in(now.waiter.final) if now is not None else None
            if handle is None or asked is None or asked.pending != (outgoing.pending or Pending()):
                return handle or waited.handle
            return await self._rounds.go_on(handle, exchange.principal, outgoing.inputs, asked.pending)
