"""What edges keep and tell one another of 2025-era sessions (MCP 2025-11-25, "Session management").

All of it is signed with the edges' own key: a write into Redis makes no session, and workers can neither read a meaning
into these messages nor forge one.
"""

from typing import Literal

from shared.identity import Principal
from shared.messages import CallClass, Client, Message


class Session(Message, frozen=True, kw_only=True, tag="session"):
    """One session, as it was when the request came: whose it is, what was agreed on, and what the client can do."""

    digest: str
    """Names the session in Redis and in logs; the id itself is a secret of the client's."""
    tenant: str
    subject: str
    backend: str = ""
    """The one backend of the endpoint that it was opened at; empty for the endpoint of all."""
    version: str
    """Protocol version that was agreed on; empty until a legacy SSE client has sent `initialize`."""
    client: Client
    """The client's capabilities and info, and the log level that it set; `asking` is `stream`."""
    kind: Literal["http", "sse"] = "http"
    edge: str = ""
    """Of `sse`: the edge that holds the stream."""
    created_ms: int


class SessionRequest(Message, frozen=True, kw_only=True, tag="session-request"):
    """The call behind one request of a session: enough to cancel it, and to take up its stream again."""

    digest: str
    ticket: str
    """Digest of the request's id, as it stands in event ids."""
    rpc_id: str | int
    progress_token: str | int | None
    call_id: str
    group: str
    backend: str
    queue: str
    tool: str
    access: CallClass
    method: str
    deadline_ms: int
    reattach: str = ""
    """Key under which the same call is found."""
    epoch: str = ""
    """The broker's run id when the call was put on its queue."""


class SessionQuestion(Message, frozen=True, kw_only=True, tag="session-question"):
    """The call that waits for the client's answer to a request of the server."""

    digest: str
    request_id: str
    call_id: str
    group: str
    backend: str


class Posted(Message, frozen=True, kw_only=True, tag="posted"):
    """A message of a legacy SSE client, from the edge that took it in to the edge that holds the stream."""

    digest: str
    principal: Principal
    """Who sent this message: it is handled under this identity."""
    body: bytes


class Told(Message, frozen=True, kw_only=True, tag="told"):
    """A word between edges about a session's stream."""

    what: Literal["ended", "taken", "subscribed", "posted"]
    """The session is over; another stream of it was opened; its subscriptions changed; its inbox has a message."""
    digest: str
    by: str
    """Id of the edge that says so."""
    at_ms: int
