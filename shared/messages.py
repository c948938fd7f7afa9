"""What crosses between edge and workers: frozen, versioned, tagged.

Every message travels inside a signed envelope (`shared/codec.py`). JSON that belongs to others (arguments, results,
`_meta`) is carried as the bytes that it came in, never decoded and encoded again on the way, so nothing of it is lost.
"""

import hashlib
from typing import Literal

import msgspec

from shared.identity import Principal

VERSION = 1
"""Version of this vocabulary. A role that meets another version refuses the message."""

CallClass = Literal["read", "idempotent", "write"]
"""What running the call a second time would do; unknown counts as `write`."""

Asking = Literal["no", "stream", "retry"]
"""How a client can be asked something in the middle of its request: not at all; by a request on its stream, which it
answers with a message of its own (2025 era); or by a result that asks, and the same request sent again (2026 era)."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True, tag=True):
    """Base of all messages."""

    v: int = VERSION


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """What a backend may learn of the client behind a request."""

    asking: Asking = "no"
    capabilities: bytes = b"{}"
    """JSON object: the `ClientCapabilities` that it declared."""
    info: bytes = b""
    """JSON object: its `Implementation` (name, version); empty where it is not known."""
    log_level: str = ""
    """Least severe log message that it wants (MCP `LoggingLevel`); empty where it did not say."""
    era: Literal["modern", "legacy"] = "modern"
    """MCP 2026-07-28, or a version before it."""


class ToolCall(Message, frozen=True, kw_only=True, tag="call"):
    """One request for a backend, from an edge to the workers: a tool call, or another method of MCP."""

    call_id: str
    queue: str
    """The queue that it was put on: a call that was moved to another queue is refused."""
    backend: str
    tool: str
    """The tool's name at the backend (without the mesh's prefix); of other methods what they are about, for the audit."""
    definition: str
    """Hash of the definition that the arguments were validated against; empty for other methods than `tools/call`."""
    access: CallClass
    principal: Principal
    arguments: bytes
    """JSON object: the tool's arguments; of other methods all `params` but `_meta`."""
    meta: bytes = b""
    """JSON object: the part of the request's `_meta` that a backend may see; empty for none."""
    deadline_ms: int
    """Unix time in milliseconds, by the broker's clock."""
    reply: str
    """Id of the edge process that waits."""
    progress: bool = False
    """Whether the client asked for progress."""
    method: str = "tools/call"
    client: Client = Client()
    inputs: bytes = b""
    """JSON object with the members `inputResponses` and `requestState` of a request that was sent again (MCP 2026-07-28,
    multi round-trip requests), as the backend is to see them; empty for none."""
    parked: str = ""
    """Id of the call that waits at a worker for these inputs, where the backend itself could not be asked again."""
    owner: str = ""
    """Whose upstream session it belongs to (`affinity`); empty where any worker will do."""
    epoch: str = ""
    """The broker's run id when the call was put on its queue. A write that is claimed from a broker that was restarted
    since counts as one that may have been sent: the restart may have lost that it was."""
    grant: bytes = b""
    """Sealed `ParentGrant` (`shared/inner.py`) of a call that may make further calls; empty for all others."""
    parent: str = ""
    """Id of the call that made this one; empty where a client did."""
    delegated: str = ""
    """The composite of the same backend under whose authority it is made, by its own name there; empty where its
    principal's own right counts."""


class Progress(Message, frozen=True, kw_only=True, tag="progress"):
    """One progress event of a running call."""

    call_id: str
    seq: int
    """Counts up from 1 within a run, so that a gap can be seen."""
    params: bytes
    """JSON object: params of `notifications/progress` without the token."""


class Notice(Message, frozen=True, kw_only=True, tag="notice"):
    """Something else that a backend says on the stream of a running call: a notification, or a request to the client."""

    call_id: str
    seq: int
    """Counted together with the progress events."""
    method: str
    params: bytes
    """JSON object."""
    request_id: str = ""
    """Id of a request, unique in the mesh; empty for a notification."""


class ToolResult(Message, frozen=True, kw_only=True, tag="result"):
    """The final result of a call, as the backend gave it."""

    call_id: str
    backend: str
    seq: int
    body: bytes
    """JSON object: the result of the method, unknown members included."""
    parked: str = ""
    """Id of the call that waits at the worker for what this result asks for; empty where none does."""
    worker: str = ""
    """The worker where it waits."""


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


class Answer(Message, frozen=True, kw_only=True, tag="answer"):
    """What the client answered to a request of a running call, from an edge to the workers of a group."""

    call_id: str
    backend: str
    request_id: str
    body: bytes
    """JSON object with the one member `result` or `error`."""
    at_ms: int


class Wanted(Message, frozen=True, kw_only=True, tag="wanted"):
    """Some client of an edge wants to hear when a resource changes. Published as a nudge, and kept for a while."""

    backend: str
    uri: str
    """As the backend names it."""
    until_ms: int

    @property
    def field(self) -> str:
        """Names the wish in the hash in which it is kept."""
        return hashlib.sha256(self.uri.encode()).hexdigest()[:32]


class Changed(Message, frozen=True, kw_only=True, tag="changed"):
    """Something of a backend changed outside of any call, from a worker to all edges."""

    backend: str
    at_ms: int
    kind: Literal["tools", "prompts", "resources", "resource"]
    uri: str = ""
    """Of `resource`: the one that was updated, as the backend names it."""


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


Spoken = Progress | Notice
"""What a backend says while a call runs."""
Event = Progress | Notice | ToolResult | ToolFailure | Stored
Final = ToolResult | ToolFailure
