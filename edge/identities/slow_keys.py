"""API keys that are stored as bcrypt hashes, as upstream's older files have them: a look-up tries one hash after the other.

So what was found is remembered, one hash is tried at a time whatever is asked, few may wait, and what can't be such a key
is not tried at all. A `key_sha256` needs nothing of this.
"""

import asyncio
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from edge.identities.identities import Identities
from edge.identities.passwords import verify
from shared.api_keys import digest, well_formed
from shared.errors import TooBusy
from shared.identity import Principal
from shared.password_hashes import BCRYPT_PASSWORD_BYTES_MAX

WAITING_MAX = 8
_CHARACTERS_MIN = 16
_HITS_MAX = 1_000
_MISSES_MAX = 10_000
_RETRY_AFTER_S = 5.0


class SlowKeys:
    """Finds whose a key is, for one edge."""

    def __init__(self) -> None:
        self._hits: OrderedDict[str, str] = OrderedDict()
        """SHA-256 of a key → the bcrypt hash that it fits; that stays true whatever files say."""
        self._misses: OrderedDict[str, None] = OrderedDict()
        """SHA-256 of keys that fit nothing of the snapshot."""
        self._snapshot: weakref.ref[Identities] | None = None
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slow-key")
        self._waiting = 0

    async def find(self, key: str, identities: Identities) -> Principal | None:
        """Whose key it is, or None. Raises TooBusy."""
        if not identities.slow_keys or not _can_be_one(key):
            return None
        name = digest(key)
        found, known = self._remembered(name, identities)
        if known:
            return found
        if self._waiting > WAITING_MAX:
            raise TooBusy("Too many keys wait to be looked at. Try again in a moment.", retry_after_s=_RETRY_AFTER_S)
        self._waiting += 1
        try:
            async with self._turn:
                # Who was before us may have asked for the same key.
                found, known = self._remembered(name, identities)
                return found if known else await self._tried(key, name, identities)
        finally:
            self._waiting -= 1

    def _remembered(self, name: str, identities: Identities) -> tuple[Principal | None, bool]:
        """Whose key it is, and whether that is known."""
        if self._snapshot is None or self._snapshot() is not identities:
            self._misses.clear()
            self._snapshot = weakref.ref(identities)
        if name in self._misses:
            self._misses.move_to_end(name)
            return None, True
        stored = self._hits.get(name)
        principal = identities.slow_keys.get(stored) if stored is not None else None
        if principal is not None:
            self._hits.move_to_end(name)
        return principal, principal is not None

    async def _tried(self, key: str, name: str, identities: Identities) -> Principal | None:
        loop = asyncio.get_running_loop()
        for stored, principal in identities.slow_keys.items():
            if await loop.run_in_executor(self._thread, verify, stored, key):
                self._hits[name] = stored
                if len(self._hits) > _HITS_MAX:
                    self._hits.popitem(last=False)
                return principal
        if self._snapshot is not None and self._snapshot() is identities:
            self._misses[name] = None
            if len(self._misses) > _MISSES_MAX:
                self._misses.popitem(last=False)
        return None


def _can_be_one(key: str) -> bool:
    """Keys of our own making are never stored this way, and bcrypt looks at 72 bytes only."""
    size = len(key.encode("utf-8", "surrogatepass"))
    return len(key) >= _CHARACTERS_MIN and size <= BCRYPT_PASSWORD_BYTES_MAX and not well_formed(key)
