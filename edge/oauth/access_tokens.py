"""Whose an access token is, asked for each request: from memory for a moment, else from the broker.

What ended is heard of at once over a channel; while that can't be heard nothing is believed from memory. A broker that
can't be asked is a 503, never a yes.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from edge.oauth.secret_tokens import digest_of, family_of
from edge.oauth.store import GrantStore
from shared.grants import ACCESS, AccessToken

_KEPT_MAX = 20_000
_ENDED_MAX = 20_000


class AccessTokens:
    """What one edge knows of access tokens."""

    def __init__(self, store: GrantStore, *, kept_s: float, hears: Callable[[], bool]) -> None:
        """`hears`: whether the end of a grant would be heard of now."""
        self._store = store
        self._kept_s = kept_s
        self._hears = hears
        self._kept: OrderedDict[str, tuple[float, AccessToken]] = OrderedDict()
        """By digest: until when it is believed, in loop time."""
        self._ended: OrderedDict[str, None] = OrderedDict()
        """Families that ended lately: a look that was on its way meanwhile must not bring one back."""

    async def find(self, token: str) -> AccessToken | None:
        """The record of a token that may be used now. Raises BrokerUnavailable."""
        family = family_of(ACCESS, token)
        if family is None or family in self._ended:
            return None
        digest = digest_of(token)
        now = asyncio.get_running_loop().time()
        until, record = self._kept.get(digest, (0.0, None))
        if record is not None and until > now and self._hears() and self._counts(record):
            return record
        found = await self._store.access(token, family)
        if found is None or family in self._ended or not self._counts(found):
            self._kept.pop(digest, None)
            return None
        self._kept[digest] = now + self._kept_s, found
        self._kept.move_to_end(digest)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    def _counts(self, record: AccessToken) -> bool:
        return record.expires_ms > self._store.clock.now_ms() and self._store.counts(record.grant.subject)

    def on_end(self, family: str) -> None:
        """A grant has ended."""
        self._ended[family] = None
        if len(self._ended) > _ENDED_MAX:
            self._ended.popitem(last=False)

    def forget(self) -> None:
        """Something may have been missed."""
        self._kept.clear()
