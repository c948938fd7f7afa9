"""How often a password may be tried: by account and address, by account, by address, on all edges together.

Every try is counted beforehand, so that many at once are no way around the limits; one that was right is taken back. A lock
ends by itself with the window, so nobody can be locked out for ever.
"""

from collections.abc import Sequence

from edge.oauth.secret_tokens import digest_of
from edge.oauth.store import GrantStore
from shared import log_in_keys
from shared.settings import Settings


class LoginAttempts:
    """Counts."""

    def __init__(self, store: GrantStore, settings: Settings) -> None:
        self._store = store
        self._window_s = settings.login_failure_window_s
        self._limits = (
            settings.login_max_failures_per_user_ip,
            settings.login_max_failures_per_user,
            settings.login_max_failures_per_ip,
        )

    async def begin(self, username: str, address: str) -> float:
        """Count one try; gives 0, or for how many seconds no password is looked at. Raises BrokerUnavailable."""
        return await self._store.attempt(_counters(username, address), self._window_s, self._limits)

    async def succeeded(self, username: str, address: str) -> None:
        """The password was right. Raises BrokerUnavailable."""
        await self._store.forgive(_counters(username, address), forgotten=1)

    async def not_looked_at(self, username: str, address: str) -> None:
        """No password was checked: that was no try. Raises BrokerUnavailable."""
        await self._store.forgive(_counters(username, address))


def _counters(username: str, address: str) -> Sequence[str]:
    account = digest_of(f"account|{username}")[:32]
    place = digest_of(f"address|{address}")[:32]
    return (
        log_in_keys.failures("both", digest_of(f"{account}|{place}")[:32]),
        log_in_keys.failures("account", account),
        log_in_keys.failures("address", place),
    )
