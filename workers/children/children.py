"""What children are to those who run something in them, wherever the children are: here, or in a sandbox of its own."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Child(Protocol):
    """One child, for the time of one run. Messages are those that its engine understands (`inside/`)."""

    given: dict[str, list[str]]
    """What is kept from it, and by which means (`inside/lockdown.py`); a thing without means is not kept from it."""
    refused: dict[str, str]
    """Means that the system does not have, and why."""

    async def send(self, message: dict[str, Any]) -> None:
        """Raises SandboxCrashed, SandboxTimeout or SandboxMemory where the child is dead, and ValueError (FrameError) for
        a message that is too large or no JSON: nothing was sent then."""
        ...

    async def receive(self) -> dict[str, Any]:
        """The child's next message. Raises as `send` does; a child that says what it may not say is killed."""
        ...

    def kill(self) -> None:
        """End it now, with whatever it does. Who waits for it gets SandboxCrashed."""
        ...


class Children(Protocol):
    """Where children come from."""

    def child(
        self, engine: str, tenant: str, budget_s: float, *, wait_s: float | None = None
    ) -> AbstractAsyncContextManager[Child]:
        """A warm child that nobody but this tenant has ever had, for one `async with` block.

        `budget_s` is what the block may take from when it has its child: the child is killed then, the block is cancelled
        and SandboxTimeout raised. `wait_s` bounds the wait for the child (`children_wait_s`). The child is killed, too,
        when the block raises or leaves a run unfinished. Raises SandboxBusy or SandboxUnavailable where there is none.
        """
        ...

    def prepare(self, engine: str) -> None:
        """Have children of this engine ready before the first run. Never blocks and never fails."""
        ...

    async def close(self) -> None:
        """Kill all; nothing is left."""
        ...
