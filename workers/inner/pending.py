"""A request of a running call that has no answer yet."""

import asyncio
from dataclasses import dataclass

from shared.inner import InnerRequest, InnerResult
from workers.run import Run

NEVER = float("-inf")


@dataclass(slots=True, eq=False)
class Pending:
    """Mutable: remembers when it was last heard of."""

    run: Run
    request: InnerRequest
    answer: asyncio.Future[InnerResult]
    asked_at: float
    """Loop time of the first attempt to send it."""
    heard_at: float = NEVER
    """Loop time at which it was sent, or an edge gave a sign of it; `NEVER`: it is to be sent as soon as that can be."""
    sent: bool = False
    """Whether an edge may have it."""
    taken: bool = False
    """Whether the broker has surely taken it."""

    @property
    def name(self) -> tuple[str, int]:
        """Parent and ordinal."""
        return self.request.parent, self.request.ordinal

    def settle(self, result: InnerResult) -> None:
        """The answer is here; what comes twice counts once."""
        if not self.answer.done():
            self.answer.set_result(result)
