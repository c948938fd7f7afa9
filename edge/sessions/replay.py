"""What changed while a client's stream was away, out of the durable copy (MCP 2025-11-25, "Resumability and redelivery").

The copy is the mesh's, not a session's: what is replayed is what the session that asks may hear of and wants, by its own
subscriptions and its principal's rights, whoever's event id it brings.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from edge.authorize import Authorizer
from edge.sessions.changes import may_hear, read_change
from edge.sessions.event_ids import ChangePosition, entry_position
from edge.sessions.feed import Feed
from shared import keys
from shared.errors import ForgedMessage
from shared.line import RedisLine
from shared.mesh_keys import KeyRing

_LIST_MARGIN_MS = 5_000
"""A change of a list is told later than it was written down: when the edge has the new catalogue."""


class Replay:
    """Reads what was missed."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        group_of: Mapping[str, str],
        authorizer: Authorizer,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._line = line
        self._ring = ring
        self._group_of = group_of
        self._authorizer = authorizer
        self._refused = refused

    async def into(self, feed: Feed, after: ChangePosition) -> None:
        """Push to a feed what came after that place; rather once too often than not at all. Raises BrokerUnavailable."""
        entries: list[tuple[ChangePosition, bytes]] = []
        for group in sorted(set(self._group_of.values()) & self._ring.groups):
            since = max(after.at_ms - _LIST_MARGIN_MS, 0)
            found = await self._line.cmd("XRANGE", keys.changes(group), since, "+", "COUNT", keys.CHANGES_MAX)
            entries += self._read(found)
        entries.sort(key=lambda entry: entry[0])
        same = Counter(position for position, _ in entries)[after]
        for position, raw in entries:
            # Two groups' entries may have one id: then both are told again.
            seen = position < after or (position == after and same == 1)
            self._push(feed, raw, "" if seen else position.event_id)

    @staticmethod
    def _read(found: Iterable[tuple[bytes, list[bytes]]]) -> list[tuple[ChangePosition, bytes]]:
        entries = []
        for entry_id, fields in found:
            position = entry_position(entry_id.decode())
            if position is not None and len(fields) > 1:
                entries.append((position, fields[1]))
        return entries

    def _push(self, feed: Feed, raw: bytes, event_id: str) -> None:
        """Push one change; without an event id it came before the place from which on is read."""
        try:
            backend, kind, uri = read_change(self._ring, self._group_of, raw)
        except ForgedMessage as forged:
            self._refused("change", forged.detail)
            return
        if not may_hear(self._authorizer, feed, backend, kind):
            return
        if kind != "resource":
            if kind in feed.wants.lists:
                feed.push(kind, "", event_id)
        elif event_id and (backend, uri) in feed.wants.uris:
            feed.push("resource", feed.wants.uris[backend, uri], event_id)
