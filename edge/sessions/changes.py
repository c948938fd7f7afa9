"""What changed at backends outside of any call, from the workers' channel and from new catalogues to the open streams.

That a list changed is told when this edge has taken the new catalogue over, and not before: a client that lists at once
must get the new list. The channel's word on it counts only where a stream is taken up again (`replay.py`).
"""

from collections.abc import Callable, Collection, Mapping

from edge.authorize import Authorizer
from edge.sessions.event_ids import entry_position
from edge.sessions.feed import KINDS, Feed, Kind, Wants
from edge.sessions.wanted import Resource, Wanted
from edge.shelf import Shelf
from shared.codec import open_envelope, unframe
from shared.errors import ForgedMessage
from shared.identity import Principal
from shared.mesh_keys import KeyRing
from shared.messages import Changed

_FRAMES = 2


class Changes:
    """The feeds of this edge."""

    def __init__(
        self,
        ring: KeyRing,
        group_of: Mapping[str, str],
        wanted: Wanted,
        authorizer: Authorizer,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._ring = ring
        self._group_of = group_of
        self._wanted = wanted
        self._authorizer = authorizer
        self._refused = refused
        self._feeds: dict[Feed, None] = {}
        self._following: dict[Resource, dict[Feed, None]] = {}
        self._latest = ""

    def open(self, principal: Principal, backend: str | None, wants: Wants, wake: Callable[[], None]) -> Feed:
        """Hear of changes from now on; what is not this principal's to know is left out. To be closed."""
        feed = Feed(principal, backend, Wants(wants.lists), wake)
        self._feeds[feed] = None
        self.follow(feed, wants.uris)
        return feed

    def follow(self, feed: Feed, uris: Mapping[Resource, str]) -> None:
        """Follow these resources from now on, and no others; `feed.wants` tells which could be."""
        before = feed.wants.uris
        self._wanted.remove(feed.principal, before)
        for resource in before:
            followers = self._following.get(resource, {})
            followers.pop(feed, None)
            if not followers:
                self._following.pop(resource, None)
        allowed = [resource for resource in uris if self._authorizer.may_reach(feed.principal, resource[0])]
        taken = self._wanted.add(feed.principal, allowed)
        feed.wants = Wants(feed.wants.lists, {resource: uris[resource] for resource in uris if resource in taken})
        for resource in feed.wants.uris:
            self._following.setdefault(resource, {})[feed] = None

    def close(self, feed: Feed) -> None:
        """Nobody listens any more."""
        self._feeds.pop(feed, None)
        self.follow(feed, {})

    def on_catalogue(self, backend: str, kinds: Collection[str], former: Shelf | None = None) -> None:
        """A new catalogue of a backend is served from now on; `former` is what it offered before."""
        for feed in self._feeds:
            for kind in feed.wants.lists.intersection(kinds):
                if may_hear(self._authorizer, feed, backend, kind, former):
                    feed.push(kind, "", self._latest)

    def on_rules(self) -> None:
        """Other rules hold from now on. Everybody is told to list again: also who may use nothing any more."""
        for feed in self._feeds:
            for kind in feed.wants.lists.intersection(KINDS):
                feed.push(kind, "", self._latest)

    def on_message(self, data: bytes) -> None:
        """Pass on that a resource was updated; refuse, count and record what is not a worker's word on its own backend."""
        try:
            event_id, raw = self._frames(data)
            backend, kind, uri = read_change(self._ring, self._group_of, raw)
        except ForgedMessage as forged:
            self._refused("change", forged.detail)
            return
        self._latest = event_id
        if kind == "resource":
            for feed in self._following.get((backend, uri), ()):
                if may_hear(self._authorizer, feed, backend, kind):
                    feed.push("resource", feed.wants.uris[backend, uri], self._latest)

    @staticmethod
    def _frames(data: bytes) -> tuple[str, bytes]:
        frames = unframe(data)
        entry = entry_position(frames[0].decode("latin-1")) if len(frames) == _FRAMES else None
        if entry is None:
            raise ForgedMessage("what came over the channel of changes is not an entry's id and a message")
        return entry.event_id, frames[1]


def read_change(ring: KeyRing, group_of: Mapping[str, str], raw: bytes) -> tuple[str, Kind, str]:
    """Backend, kind and URI of a change. Raises ForgedMessage for what is not the word of the backend's own group."""
    group, changed = open_envelope(ring, raw)
    if not isinstance(changed, Changed):
        raise ForgedMessage("what came as a change is something else")
    if group_of.get(changed.backend) != group:
        raise ForgedMessage(f"group {group!r} does not serve backend {changed.backend!r}")
    return changed.backend, changed.kind, changed.uri


def may_hear(authorizer: Authorizer, feed: Feed, backend: str, kind: Kind, former: Shelf | None = None) -> bool:
    """Whether a change at this backend is this stream's to know: of tools and prompts for who may use anything there, or
    might with what it offered before; of resources for who may reach them."""
    if feed.backend not in (None, backend):
        return False
    if kind in ("resources", "resource"):
        return authorizer.may_reach(feed.principal, backend)
    return authorizer.may_enter(feed.principal, backend) or authorizer.may_use_some(feed.principal, former)
