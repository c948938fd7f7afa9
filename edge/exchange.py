"""One request of MCP on its way through the edge: who asks what, of which view, and where the answer goes."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from edge.admit import Headers, Receive
from edge.parse import Message
from edge.sessions.store import Session
from shared.identity import Principal

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A message that was let in and read."""

    principal: Principal
    message: Message
    body: bytes
    """The whole message, as it came."""
    headers: Headers
    backend: str | None
    """The one backend of `/mcp/b/{backend}`, whose names are its own; None for all of them, with prefixed names."""
    session: Session | None
    """The 2025-era session that it belongs to."""
    receive: Receive
    """ASGI: what the client still sends, which is nothing but its going away."""
    send: Send
    """ASGI: the response."""
