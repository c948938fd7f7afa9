"""The seam between the flow and a kind of backend.

A kind is an entry point of the group `toolmesh.backends`, named like the `transport` of `backends.yaml`; it is a function
`open_backend(entry, settings, credentials) -> Backend` that connects to nothing yet.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from shared.catalogue import ToolDefinition
from shared.configuration import BackendEntry
from shared.identity import Principal
from shared.messages import CallClass
from shared.settings import Settings
from workers.credentials import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One verified call, as a backend sees it."""

    call_id: str
    tool: str
    """The tool's name at the backend."""
    access: CallClass
    arguments: bytes
    """JSON object, valid against the tool's input schema."""
    meta: bytes
    """JSON object with what of the client's `_meta` a backend may see, or empty."""
    principal: Principal
    deadline: float
    """Time of `loop.time()` at which the caller no longer waits."""
    wants_progress: bool
    report: Callable[[bytes], None]
    """Relay progress: params of `notifications/progress` (a JSON object) without the token. Never blocks."""
    dispatch: Callable[[], Awaitable[None]]
    """Await it immediately before the first byte that may have an effect leaves; each attempt awaits it anew.
    It raises when this worker may no longer act, and then nothing may be sent."""


class Backend(Protocol):
    """A kind of backend, opened for one entry of `backends.yaml`."""

    async def start(self, changed: Callable[[], None]) -> None:
        """Get ready. `changed` is to be called (from the event loop) when the tools may have changed: the worker then
        lists them again. Raises MeshError only for what a later try can't mend."""
        ...

    async def list_tools(self) -> tuple[ToolDefinition, ...]:
        """All tools, vetted, in the order of their names. Raises MeshError where the upstream can't be asked."""
        ...

    async def call(self, invocation: Invocation) -> bytes:
        """Run one call and give the MCP `CallToolResult` as JSON, as the backend gave it.

        Raises UpstreamUnreachable (nothing was sent), UpstreamDenied or UpstreamError (it was refused, and the answer is
        certain), or UpstreamTimeout, UpstreamBadResponse, UpstreamTooLarge (what happened is not known: the flow makes
        that `outcome_unknown` for a write). When its task is cancelled it stops the upstream's work if the protocol can.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; no child, connection or task is left."""
        ...


OpenBackend = Callable[[BackendEntry, Settings, Credentials], Backend]
