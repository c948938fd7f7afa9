"""A session at an upstream: what a request has to say so that the upstream knows whom it is from."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal

import yarl

from workers.backends.mcp_http.legacy_stream import LegacyStream
from workers.backends.mcp_protocol.capabilities import Telling
from workers.backends.mcp_protocol.message import Hear

Era = Literal["modern", "streamable", "sse"]
"""How an upstream is spoken to: MCP 2026-07-28; 2025-03-26 to 2025-11-25; HTTP+SSE of 2024-11-05."""


@dataclass(slots=True, eq=False)
class Session:
    """In the modern era there is one for all, which the upstream knows nothing of."""

    era: Era
    id: str | None
    headers: dict[str, str]
    can_follow: bool
    """Whether the upstream may say something on a stream that belongs to no request."""
    server: bytes
    """What the upstream said of itself (`capabilities`, `serverInfo`, `instructions`): the result of the handshake."""
    telling: Telling
    owned: bool = False
    """Whether it belongs to one owner alone."""
    stream: LegacyStream | None = None
    """Of `sse`: the one stream that carries all answers."""
    in_flight: int = 0
    number: int = 0
    """Counts the backend's sessions, in the order in which they were opened."""
    log_level: str = ""
    """The level that was set with `logging/setLevel`."""
    watched: set[str] = field(default_factory=set)
    """Resources that were subscribed."""
    last_event_id: str | None = None
    """Of its stream that belongs to no request."""
    listened: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once its stream that belongs to no request stands, or turned out not to."""
    hearings: list[Hear] = field(default_factory=list)
    """Those of the calls in flight, where what is said beside them may be meant for one of them."""

    @property
    def modern(self) -> bool:
        """Whether it is of the era without sessions and handshakes."""
        return self.era == "modern"

    @property
    def to(self) -> yarl.URL | None:
        """Where its messages are posted; None for the entry's own URL."""
        return None if self.stream is None else self.stream.endpoint
