"""What crosses when a running call makes further calls: a script's, or a composite's.

Only edges put calls on queues. So the worker that runs the parent asks: a signed request goes on one list, any edge takes
it, checks it as it checks a client's under the parent's identity, and sends the answer to that worker's channel. A request
may be sent again whenever no sign of life came: (parent, ordinal, tool, arguments) make it the same call.
"""

from typing import Literal

from shared.catalogue import COMPOSITE_CALLS_MAX
from shared.identity import Principal
from shared.messages import CallClass, Client, Message

Asked = Literal["call", "discover", "describe"]
"""Run a tool; look for tools; show one tool's whole definition. The last two run nothing and are not counted."""

NOT_COMMITTED = "not_committed"
"""Code of an answer: the parent is to be marked first as one that may have changed something, since this is no read."""


class ParentGrant(Message, frozen=True, kw_only=True, tag="parent-grant"):
    """What the calls of a running call may be made with. Signed with the edges' own key and carried by the parent: the
    worker passes it back as it is, and can't make one."""

    parent: str
    """The parent's call id."""
    group: str
    """Group of the worker that may bring it back."""
    principal: Principal
    deadline_ms: int
    """Unix time in milliseconds, by the broker's clock; no inner call has more time."""
    client: Client = Client()
    """What may be told of the client; it can't be asked anything."""
    session: str = ""
    """Digest of the parent's session, for backends with `affinity: session`."""
    depth: int = 1
    """How deep calls may nest below: 0 is no further call."""
    access: CallClass = "write"
    """The parent's class: what it calls may be of no worse one."""
    calls_max: int = COMPOSITE_CALLS_MAX
    backend: str = ""
    """The only backend whose tools may be called, and of them only those that make no calls themselves (a composite);
    empty: all tools may (a script)."""
    tool: str = ""
    """The parent, by its own name there; empty for a script."""


class InnerRequest(Message, frozen=True, kw_only=True, tag="inner-request"):
    """A running call wants something of the mesh. Signed with the key of its worker's group."""

    grant: bytes
    """The sealed `ParentGrant`."""
    parent: str
    ordinal: int
    """Counts the parent's requests, from 1."""
    asks: Asked = "call"
    tool: str = ""
    """As the script names it: canonical, or as a JavaScript identifier."""
    arguments: bytes = b"{}"
    """JSON object."""
    reply: str
    """Id of the worker, which listens on `keys.inner_channel(group, reply)`."""
    committed: bool = False
    """Whether the parent is marked as one that may have changed something: without it nothing but reads is run."""
    again: bool = False
    """Whether it was sent before: another edge may have it."""
    epoch: str = ""
    """The broker's run id when it was sent first: a write that was asked for before a restart may have been run, and
    forgotten. Empty where that is not known."""
    at_ms: int


class InnerResult(Message, frozen=True, kw_only=True, tag="inner-result"):
    """The answer to an `InnerRequest`, from an edge. Signed with the key of the worker's group."""

    parent: str
    ordinal: int
    call_id: str = ""
    """Of the inner call; empty where none was made."""
    tool: str = ""
    """Canonical name; empty where there is no such tool."""
    body: bytes = b""
    """JSON object: the MCP result, or what was found. Empty for a failure, and where `stored`."""
    stored: bool = False
    """Whether the body is to be read from `keys.inner_body(call_id)`: it is too large for a channel."""
    code: str = ""
    """Slug of `shared/errors.py` of a failure; `not_committed`: mark the parent, and ask again; empty for a result."""
    detail: str = ""
    data: bytes = b""
    """JSON object with facts for a program; empty for none."""
    notice: str = ""
    """The operator's note on the backend, which its caller has not got yet (`hint:` in `backends.yaml`)."""


class InnerBody(Message, frozen=True, kw_only=True, tag="inner-body"):
    """The body of an `InnerResult` that is too large for a channel."""

    call_id: str
    body: bytes


class InnerSign(Message, frozen=True, kw_only=True, tag="inner-sign"):
    """An edge still waits for inner calls of a parent. Signed with the key of the worker's group."""

    parent: str
    ordinals: tuple[int, ...]


class InnerCancel(Message, frozen=True, kw_only=True, tag="inner-cancel"):
    """A parent is over before its calls are: they are to be cancelled. From its worker to all edges."""

    grant: bytes
    parent: str
    ordinals: tuple[int, ...]
    """Those that have no answer yet."""
    at_ms: int
