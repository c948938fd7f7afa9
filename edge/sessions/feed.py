"""What one open stream is to hear of changes, and what of that has not been written yet.

Changes are level triggers ("this changed, look again"), so one that waits already is not queued a second time: what waits
is bounded by what is wanted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.identity import Principal

Kind = Literal["tools", "prompts", "resources", "resource"]

KINDS: tuple[Kind, ...] = ("tools", "prompts", "resources")


@dataclass(frozen=True, slots=True)
class Wants:
    """What a client wants to hear of, as far as it may."""

    lists: frozenset[Kind] = frozenset(KINDS)
    uris: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Backend and its own URI → the URI as the client knows it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One change, as the client is to learn of it."""

    kind: Kind
    uri: str
    """Of `resource`: as the client knows it."""
    event_id: str
    """Where to read on after it; empty where that is not known."""


class Feed:
    """The changes that wait for one stream."""

    __slots__ = ("_waiting", "_wake", "backend", "principal", "wants")

    def __init__(self, principal: Principal, backend: str | None, wants: Wants, wake: Callable[[], None]) -> None:
        self.principal = principal
        self.backend = backend
        """The one backend of the endpoint, or None."""
        self.wants = wants
        self._wake = wake
        self._waiting: dict[tuple[Kind, str], str] | None = None

    def push(self, kind: Kind, uri: str, event_id: str) -> None:
        """Take a change that is wanted. One that waits keeps its place and its id: reading on from there misses nothing."""
        if self._waiting is None:
            self._waiting = {}
        self._waiting.setdefault((kind, uri), event_id)
        self._wake()

    def take(self) -> Heard | None:
        """The next change, or None."""
        if not self._waiting:
            return None
        (kind, uri), event_id = next(iter(self._waiting.items()))
        del self._waiting[kind, uri]
        return Heard(kind, uri, event_id)
