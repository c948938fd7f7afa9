"""The call behind a record, waited for again: by `mesh_wait`, or looked at by `tasks/get`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from edge.outgoing import Outgoing
from edge.running import Running
from edge.waiter import Waiter
from shared.clock import BrokerClock
from shared.handles import Handle
from shared.queue import Same


@dataclass(slots=True, eq=False)
class Waited(Running):
    """A call that goes on whether this is waited for or not."""

    handle: Handle = field(kw_only=True)


def wait_again(handle: Handle, clock: BrokerClock, meta: Mapping[str, Any], events_max: int) -> Waited:
    """Make the call of a record one that can be waited for. `meta`: of the request that waits; its progress token counts.

    Its waiter is not registered with the relay: the durable copy is read, as live events go to another edge. Who waits here
    takes nobody's place: a key of the kind `own` is left as it is by all that follows (`HandleStore.use_up` says when not).
    """
    call = handle.call
    outgoing = Outgoing(
        group=handle.group,
        backend=call.backend,
        method=call.method,
        subject=call.tool,
        access=call.access,
        arguments=call.arguments,
        meta=meta,
        compared=msgspec.json.decode(call.arguments),
        definition=call.definition,
    )
    return Waited(
        call,
        outgoing,
        Waiter(call.call_id, handle.group, call.backend, events_max),
        clock.monotonic_of(call.deadline_ms),
        Same(handle.reattach, "own" if handle.reattach else "none"),
        findable=bool(handle.reattach),
        attached=True,
        handle=handle,
    )
