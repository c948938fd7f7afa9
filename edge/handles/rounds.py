"""A call that goes on with its client's input: a further call in the place of the one that asked."""

import msgspec
import structlog

from edge.authorize import Authorizer, check_scope
from edge.directory import Directory
from edge.draft import Drafts, queue_of
from edge.handles.store import HandleStore
from edge.outgoing import unknown_tool
from edge.request_state import Pending
from shared import keys
from shared.catalogue import canonical_name
from shared.clock import BrokerClock
from shared.errors import BackendUnavailable, PrincipalBusy, QueueFull
from shared.handles import Handle
from shared.identity import Principal
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import ToolCall
from shared.queue import Limits, enqueue

log = structlog.get_logger()


class Rounds:
    """Starts further calls."""

    def __init__(
        self,
        store: HandleStore,
        directory: Directory,
        authorizer: Authorizer,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        drafts: Drafts,
        limits: Limits,
    ) -> None:
        self._store = store
        self._directory = directory
        self._authorizer = authorizer
        self._line = line
        self._ring = ring
        self._clock = clock
        self._drafts = drafts
        self._limits = limits

    async def go_on(self, handle: Handle, principal: Principal, inputs: bytes, pending: Pending) -> Handle:
        """Start the next call and give the record that points to it; to be done under the record's lock.

        The record is written first: where this edge dies between the two, the call was not started, and is not started
        by anybody else. `inputs`: as in `ToolCall`. Raises MeshError; then nothing was started, but for BrokerUnavailable,
        after which it may have been.
        """
        backend = handle.call.backend
        self._authorize(handle.call, principal)
        if not self._directory.is_live(backend):
            raise BackendUnavailable(
                f"No worker serves backend {backend!r} now; nothing was started. Try again in a moment."
            )
        call = self._next(handle, principal, inputs, pending)
        after = msgspec.structs.replace(
            handle,
            call=call,
            reattach=handle.reattach if handle.own_key else "",
            updated_ms=self._clock.now_ms(),
            round=handle.round + 1,
            responses={},
        )
        await self._store.put(after)
        try:
            await enqueue(self._line, self._ring, handle.group, call, self._clock.now_ms(), self._limits)
        except (QueueFull, PrincipalBusy):
            await self._store.put(handle)
            raise
        self._store.use_up(handle)
        log.info("call goes on", call_id=call.call_id, handle=handle.call_id, round=after.round)
        return after

    def _authorize(self, call: ToolCall, principal: Principal) -> None:
        """By the class that the tool is of now; one that is not listed any more is of the class that it had. Raises
        UnknownTool, InsufficientScope."""
        backend, own = call.backend, call.tool
        shelf = self._directory.shelves.get(backend)
        tool = shelf.tools.get(own) if shelf is not None else None
        access = call.access if tool is None else tool.access
        known = backend in self._directory.entries
        if not known or not self._authorizer.may_use(principal, canonical_name(backend, own), access):
            raise unknown_tool(own)
        check_scope(principal, access)

    def _next(self, handle: Handle, principal: Principal, inputs: bytes, pending: Pending) -> ToolCall:
        call = self._drafts.anew(handle.call, self._clock.now_ms())
        return msgspec.structs.replace(
            call,
            queue=queue_of(keys.general(call.queue), pending),
            principal=principal,
            progress=False,
            inputs=inputs,
            parked=pending.parked,
        )
