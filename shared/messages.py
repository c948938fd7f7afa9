"""What crosses between edge and workers: frozen, versioned, tagged.

Every message travels inside a signed envelope (`shared/codec.py`). JSON that belongs to others (arguments, results,
`_meta`) is carried as the bytes that it came in, never decoded and encoded again on the way, so nothing of it is lost.
"""

from typing import Literal

import msgspec

from shared.identity import Principal

VERSION = 1
"""Version of this vocabulary. A role that meets another version refuses the message."""

CallClass = Literal["read", "idempotent", "write"]
"""What running the call a second time would do; unknown counts as `write`."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True, tag=True):
    """Base of all messages."""

    v: int = VERSION


class ToolCall(Message, frozen=True, kw_only=True, tag="call"):
    """One tool call, from an edge to the workers of one backend."""

    call_id: str
    queue: str
    """The queue that it was put on: a call that was moved to another queue is refused."""
    backend: str
    tool: str
    """The tool's name at the backend (without the mesh's prefix)."""
    definition: str
    """Hash of the definition that the arguments were validated against."""
    access: CallClass
    principal: Principal
    arguments: bytes
    """JSON object."""
    meta: bytes = b""
    """JSON object: the part of the request's `_meta` that a backend may see; empty for none."""
    deadline_ms: int
    """Unix time in milliseconds, by the broker's clock."""
    reply: str
    """Id of the edge process that waits."""
    progress: bool = False
    """Whether the client asked for progress."""


class Progress(Message, frozen=True, kw_only=True, tag="progress"):
    """One progress event of a running call."""

    call_id: str
    seq: int
    """Counts up from 1 within a run, so that a gap can be seen."""
    params: bytes
    """JSON object: params of `notifications/progress` without the token."""


class ToolResult(Message, frozen=True, kw_only=True, tag="result"):
    """The final result of a call, as the backend gave it."""

    call_id: str
    backend: str
    seq: int
    body: bytes
    """JSON object: a `CallToolResult` of MCP, unknown members included."""


class ToolFailure(Message, frozen=True, kw_only=True, tag="failure"):
    """The final failure of a call."""

    call_id: str
    backend: str
    seq: int
    code: str
    """Slug of `shared/errors.py`."""
    detail: str
    data: bytes = b""
    """JSON object with facts for a program; empty for none."""


class Stored(Message, frozen=True, kw_only=True, tag="stored"):
    """The final message of a call is too large for a channel: it is to be read from its key."""

    call_id: str
    backend: str
    seq: int


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    """A wish to stop a call, from an edge to the workers of a group."""

    call_id: str
    backend: str
    at_ms: int


class BackendState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """What one worker says of one backend."""

    name: str
    state: Literal["starting", "up", "failed"]
    detail: str = ""
    """Why it failed, in the operator's words; empty otherwise."""
    catalogue: str = ""
    """Hash of the catalogue that the worker serves; empty before the first one."""


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """A worker's sign of life. One that carries no backends says goodbye."""

    worker: str
    at_ms: int
    backends: tuple[BackendState, ...]


Event = Progress | ToolResult | ToolFailure | Stored
Final = ToolResult | ToolFailure
