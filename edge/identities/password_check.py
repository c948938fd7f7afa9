"""Is this the password of that user? Whatever the answer, it has cost one hash (a name must not be found out by the clock).

Hashes are made in a few threads of their own; who waits for one is counted, beyond the limit told to come again, so that
a flood of log-ins slows nothing but log-ins. What is not hidden: where users have hashes of several kinds or costs, a name
that is not there costs what the first of them does.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from edge.identities.identities import Account, Identities
from edge.identities.passwords import verify
from shared.errors import TooBusy
from shared.password_hashes import PASSWORD_BYTES_MAX
from shared.settings import Settings

_RETRY_AFTER_S = 2.0


class PasswordCheck:
    """Checks passwords for one edge."""

    def __init__(self, settings: Settings, identities: Callable[[], Identities]) -> None:
        """`identities` gives the newest."""
        self._identities = identities
        self._threads = ThreadPoolExecutor(settings.password_checks_max, thread_name_prefix="password")
        self._asked_max = settings.password_checks_max + settings.password_queue_max
        self._asked = 0

    async def check(self, username: str, password: str) -> Account | None:
        """The account, if it is there, is not disabled, and the password is its own. Raises TooBusy."""
        identities = self._identities()
        account = identities.account(username)
        stored = identities.password_hash(username)
        plain = identities.plain_password(username)
        size = len(password.encode("utf-8", "surrogatepass"))
        usable = 0 < size <= PASSWORD_BYTES_MAX
        # What can't be a password is never hashed, and takes the time of one that is.
        fits = await self._verified(stored or identities.dummy_hash, password if usable else "-")
        if plain is not None:
            fits = _same(plain.reveal(), password)
        elif stored is None:
            fits = False
        return account if fits and usable and account is not None and not account.disabled else None

    async def _verified(self, stored: str, password: str) -> bool:
        if self._asked >= self._asked_max:
            raise TooBusy("Too many people log in at the moment. Try again in a moment.", retry_after_s=_RETRY_AFTER_S)
        self._asked += 1
        try:
            # Our own threads, not a semaphore: who gives up waiting makes no room for a hash beside the one that goes on.
            return await asyncio.get_running_loop().run_in_executor(self._threads, verify, stored, password)
        finally:
            self._asked -= 1


def _same(one: str, other: str) -> bool:
    """Compares digests, so that neither content nor length can be told by the time."""
    first, second = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other))
    return hmac.compare_digest(first, second)
