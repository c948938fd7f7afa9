"""Ids of the events on a session's streams (MCP 2025-11-25, "Resumability and redelivery").

An id says where to read on, and nothing else: what may be read is decided by the session of the request that brings it.
"""

import re
from dataclasses import dataclass

_CHANGE = re.compile(r"c-([0-9]{1,15})-([0-9]{1,15})")
_CALL = re.compile(r"([0-9a-f]{16})_([0-9]{1,15})")

_RETRY_MS = 1_000
PRIMED_SINCE = "2025-11-25"
"""From this protocol version on, clients take an event with an id and without data: so they know where to read on from
before anything has happened."""


@dataclass(frozen=True, slots=True, order=True)
class ChangePosition:
    """A place in the durable copy of the changes: after the entry of that id."""

    at_ms: int
    number: int

    @property
    def event_id(self) -> str:
        """As it stands on an event."""
        return f"c-{self.at_ms}-{self.number}"


@dataclass(frozen=True, slots=True)
class CallPosition:
    """A place in a call's events: after the event of that number."""

    ticket: str
    seq: int

    @property
    def event_id(self) -> str:
        """As it stands on an event."""
        return f"{self.ticket}_{self.seq}"


def position_of(event_id: str) -> ChangePosition | CallPosition | None:
    """What a `Last-Event-ID` says, or None for what is no id of ours."""
    if found := _CHANGE.fullmatch(event_id):
        return ChangePosition(int(found[1]), int(found[2]))
    if found := _CALL.fullmatch(event_id):
        return CallPosition(found[1], int(found[2]))
    return None


def entry_position(entry_id: str) -> ChangePosition | None:
    """The place of an entry of a Redis stream."""
    found = position_of(f"c-{entry_id}")
    return found if isinstance(found, ChangePosition) else None


def primer(event_id: str, version: str) -> bytes:
    """The event that tells a client where to read on from, and how soon: an edge that is replaced ends its streams. Nothing
    for a client that would not take it."""
    if version < PRIMED_SINCE:
        return b""
    return b"id: %b\r\nretry: %d\r\ndata:\r\n\r\n" % (event_id.encode(), _RETRY_MS)
