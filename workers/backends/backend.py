"""The seam between the flow and a kind of backend.

A kind is an entry point of the group `toolmesh.backends`, named like the `transport` of `backends.yaml`; it is a function
`open_backend(entry, settings, credentials) -> Backend` that connects to nothing yet. One that needs more of its worker, as
processes that can be killed, has a further keyword parameter `equipment` (`workers/equipment.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from shared.catalogue import ToolDefinition
from shared.configuration import BackendEntry
from shared.errors import MeshError
from shared.identity import Principal
from shared.messages import CallClass, Client
from shared.settings import Settings
from workers.credentials import Credentials

Ask = Callable[[str, bytes], Awaitable[bytes]]
"""`(method, params) -> answer`: ask the client behind a request (`elicitation/create`, `sampling/createMessage`,
`roots/list`). The answer is a JSON object with the one member `result` or `error`; what may not be asked, or is not
answered in time, is answered with an error, so that it never raises but for the end of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerAnswer:
    """What came of a further call: a result, or a failure with a code."""

    tool: str
    """Canonical name; empty where there is no such tool."""
    call_id: str
    """Empty where no call was made."""
    body: bytes
    """JSON object: the MCP result, or what was found; empty for a failure."""
    code: str = ""
    """Slug of `shared/errors.py` of a failure; empty for a result."""
    detail: str = ""
    data: bytes = b""
    """JSON object with facts for a program; empty for none."""
    notice: str = ""
    """The operator's note on the backend, where its caller has not got it yet."""


class Inner(Protocol):
    """How a running call makes further calls, under its caller's identity. Edges check each as they check a client's.

    All three wait as long as the call has time; they are ended by its cancellation. They raise MeshError where the call may
    not go on: whoever runs it ends it then, with that error (`over` says the same).
    """

    @property
    def over(self) -> asyncio.Future[MeshError]:
        """Done as soon as the call is to end early, with why: its client cancelled it, or another worker has it."""
        ...

    async def call(self, tool: str, arguments: bytes) -> InnerAnswer:
        """Have a tool run: its canonical name, or its name as a JavaScript identifier; a JSON object."""
        ...

    async def discover(self, arguments: bytes) -> InnerAnswer:
        """Look for tools. Runs nothing, and is not counted."""
        ...

    async def describe(self, tool: str) -> InnerAnswer:
        """One tool's whole definition. Runs nothing, and is not counted."""
        ...


def _unheard() -> None:
    """For who does not want to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One verified request, as a backend sees it."""

    call_id: str
    method: str
    """`tools/call`, or another method of MCP: `prompts/get`, `resources/read`, `completion/complete`."""
    tool: str
    """The tool's name at the backend; empty for other methods."""
    access: CallClass
    arguments: bytes
    """JSON object: the tool's arguments, valid against its input schema; of other methods all `params` but `_meta`."""
    meta: bytes
    """JSON object with what of the client's `_meta` a backend may see, or empty."""
    inputs: bytes
    """JSON object with `inputResponses` and `requestState` of a request that is sent again (MCP 2026-07-28), or empty."""
    client: Client
    """What may be told of the client: its capabilities are already cut down to what the operator relays."""
    owner: str
    """Whose upstream session this belongs to (`affinity`), or empty: any session will do."""
    principal: Principal
    deadline: float
    """Time of `loop.time()` at which the caller no longer waits."""
    wants_progress: bool
    report: Callable[[bytes], None]
    """Relay progress: params of `notifications/progress` (a JSON object) without the token. Never blocks."""
    notify: Callable[[str, bytes], None]
    """Relay another notification that belongs to this request: its method and params (a JSON object). Never blocks."""
    ask: Ask
    dispatch: Callable[[], Awaitable[None]]
    """Await it immediately before the first byte that may have an effect leaves; each attempt awaits it anew.
    It raises when this worker may no longer act, and then nothing may be sent."""
    renewed: Callable[[], None] = _unheard
    """Tell that the upstream session that the owner had is gone and a new one was opened. Never blocks."""
    inner: Inner | None = None
    """How it makes further calls; None for a call that may make none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """All that a backend has."""

    tools: tuple[ToolDefinition, ...] = ()
    """Vetted, in the order of their names."""
    prompts: tuple[bytes, ...] = ()
    """JSON objects: MCP `Prompt`, in the order of their names."""
    resources: tuple[bytes, ...] = ()
    """JSON objects: MCP `Resource`, in the order of their URIs."""
    templates: tuple[bytes, ...] = ()
    """JSON objects: MCP `ResourceTemplate`, in the order of their URI templates."""
    server: bytes = b""
    """JSON object: what the backend says of itself in its handshake (`capabilities`, `serverInfo`, `instructions`)."""


class Backend(Protocol):
    """A kind of backend, opened for one entry of `backends.yaml`."""

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Get ready. Both are to be called from the event loop: `changed` when the offer may have changed (the worker then
        lists it again), `updated` with the URI of a watched resource that did. Raises MeshError only for what a later try
        can't mend."""
        ...

    async def list_all(self) -> Offer:
        """All that there is. Raises MeshError where the upstream can't be asked."""
        ...

    async def call(self, invocation: Invocation) -> bytes:
        """Run one request and give the MCP result as JSON, as the backend gave it.

        Raises UpstreamUnreachable (nothing was sent), UpstreamDenied or UpstreamError (it was refused, and the answer is
        certain), or UpstreamTimeout, UpstreamBadResponse, UpstreamTooLarge (what happened is not known: the flow makes
        that `outcome_unknown` for a write). When its task is cancelled it stops the upstream's work if the protocol can.
        """
        ...

    async def watch(self, uris: frozenset[str]) -> None:
        """Hear from now on when these resources change, and no others. Never raises for an upstream that can't tell."""
        ...

    async def close(self) -> None:
        """Let go of everything; no child, connection or task is left."""
        ...


OpenBackend = Callable[[BackendEntry, Settings, Credentials], Backend]
