"""Keys of others (RFC 7517): fetched when they are asked for, kept for a while, and for longer while who has them is away.

Whoever invents key ids makes nobody a flood.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from joserfc.jwk import KeySet

_KEPT_MAX = 256


@dataclass(frozen=True, slots=True)
class NewKeys:
    """What a fetch gave."""

    keys: KeySet | None
    """None: there is none that can be used."""
    kept_s: float


class KeysNotFetched(Exception):
    """Nothing was fetched. `temporary`: whether the keys may be there all the same."""

    def __init__(self, *, temporary: bool) -> None:
        super().__init__("keys not fetched")
        self.temporary = temporary


Fetch = Callable[[], Awaitable[NewKeys]]
"""Fetches keys, and says in the log why it could not. Raises KeysNotFetched."""


@dataclass(frozen=True, slots=True)
class KeptKeys:
    """What is known of keys."""

    until: float
    """When they are asked for again."""
    fetched_at: float
    """When they were last asked for."""
    keys: KeySet | None = None
    good_at: float = 0.0
    """When these keys came."""
    temporary: bool = False
    """Without keys: whether nobody knows, because who has them does not answer now."""

    def has(self, key_id: str | None) -> bool:
        """Whether there is a key of that id; any will do for None."""
        return self.keys is not None and (key_id is None or any(key.kid == key_id for key in self.keys.keys))


class KeyCache:
    """One edge's keys of one kind."""

    def __init__(self, *, retry_s: float, stale_s: float, now: Callable[[], float] = time.monotonic) -> None:
        """`retry_s`: keys that could not be fetched, or have none of an id, are asked for again no more often.

        `stale_s`: how long after they came keys still count while they can't be fetched.
        """
        self._retry_s = retry_s
        self._stale_s = stale_s
        self._now = now
        self._kept: OrderedDict[str, KeptKeys] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[KeptKeys]] = {}

    async def find(self, name: str, key_id: str | None, fetch: Fetch, *, behind_s: float = 0.0) -> KeptKeys:
        """What is known of the keys of that name, asked for anew where their time is over, or none has that id.

        `behind_s`: for how long a key whose time is over may be given while it is asked for anew behind the caller's back.
        """
        kept = self._kept.get(name)
        now = self._now()
        if kept is None:
            return await self._fetched(name, fetch, None)
        if kept.has(key_id):
            if kept.until > now:
                self._kept.move_to_end(name)
                return kept
            # Who is away and asked in vain again and again must not hold up those whose key is known.
            if now < kept.until + behind_s:
                self._begun(name, fetch, kept)
                return kept
            return await self._fetched(name, fetch, kept)
        if kept.until <= now or now - kept.fetched_at >= self._retry_s:
            return await self._fetched(name, fetch, kept)
        self._kept.move_to_end(name)
        return kept

    def retry_after_s(self, kept: KeptKeys) -> float:
        """When it makes sense to ask again."""
        return max(1.0, kept.until - self._now())

    async def _fetched(self, name: str, fetch: Fetch, before: KeptKeys | None) -> KeptKeys:
        return await asyncio.shield(self._begun(name, fetch, before))

    def _begun(self, name: str, fetch: Fetch, before: KeptKeys | None) -> asyncio.Task[KeptKeys]:
        fetching = self._fetching.get(name)
        if fetching is None:  # of many that ask at once, one fetches
            fetching = self._fetching[name] = asyncio.create_task(self._fetch(name, fetch, before))
            fetching.add_done_callback(lambda _: self._fetching.pop(name, None))
        return fetching

    async def _fetch(self, name: str, fetch: Fetch, before: KeptKeys | None) -> KeptKeys:
        now = self._now()
        found = KeptKeys(now + self._retry_s, now)
        try:
            new = await fetch()
        except KeysNotFetched as failed:
            if failed.temporary and before is not None and before.keys is not None and now < before.good_at + self._stale_s:
                found = KeptKeys(now + self._retry_s, now, before.keys, before.good_at)
            else:
                found = KeptKeys(now + self._retry_s, now, temporary=failed.temporary)
        else:
            if new.keys is not None:
                found = KeptKeys(now + new.kept_s, now, new.keys, now)
        self._kept[name] = found
        self._kept.move_to_end(name)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return found
