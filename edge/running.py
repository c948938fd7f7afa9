"""A call that is on its way, as the edge that waits for it sees it."""

import asyncio
from dataclasses import dataclass

from edge.outgoing import Outgoing
from edge.waiter import Waiter
from shared import keys
from shared.messages import ToolCall
from shared.queue import NEVER_THE_SAME, Same

GRACE_S = 1.5
"""How long after the deadline a worker's own word on it is waited for."""
TICK_S = 0.005
"""The event loop's timers are this coarse: one may wake us a little before the time that it was set for."""


@dataclass(slots=True, eq=False)
class Running:
    """Mutable: who can find it changes."""

    call: ToolCall
    outgoing: Outgoing
    waiter: Waiter
    deadline: float
    """Loop time."""
    same: Same = NEVER_THE_SAME
    findable: bool = False
    """Whether the same call, sent again, could find it."""
    attached: bool = False
    """Whether it is an earlier sending's call."""
    hand_at: float | None = None
    """Loop time at which it is answered without its end."""
    reader: asyncio.Task[None] | None = None
    """Reads the durable copy, where the events go to another edge."""

    @property
    def late_at(self) -> float:
        """Loop time at which its end is waited for no longer."""
        return self.deadline + GRACE_S

    @property
    def job_id(self) -> str:
        """arq's."""
        return keys.job_id(self.outgoing.group, self.call.call_id)
