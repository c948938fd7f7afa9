"""What persons decided: each request is decided once, and the same form sent again within seconds is answered as it was.

A person who clicks twice sends the form twice, and sees the second answer only. What is kept for that holds no secret: the
code follows from what the form was sent with (`secret_tokens.py`).
"""

from collections.abc import Awaitable, Callable
from typing import Any

from edge.oauth.secret_tokens import digest_of
from shared import log_in_keys
from shared.codec import seal
from shared.grants import AuthorizationCode, DecidedRequest, Family, Grant
from shared.mesh_keys import KeyRing
from shared.settings import Settings


class Decisions:
    """As one edge keeps and finds them."""

    def __init__(
        self,
        ring: KeyRing,
        call: Callable[..., Awaitable[Any]],
        read: Callable[[str, type[Any]], Awaitable[Any]],
        settings: Settings,
    ) -> None:
        """`call`: a Redis function, with keys and arguments; `read`: a record, by its key. Both raise BrokerUnavailable."""
        self._ring = ring
        self._call = call
        self._read = read
        self._code_ms = int(settings.code_s * 1000)
        self._repeat_ms = int(settings.form_repeat_s * 1000)

    async def find(self, rid: str, browser: str) -> DecidedRequest | None:
        """A request that was decided just now, in this browser. Raises BrokerUnavailable."""
        digest = digest_of(rid)
        record = await self._read(log_in_keys.decided_request(digest), DecidedRequest)
        return record if record and record.digest == digest and record.browser == digest_of(browser) else None

    async def deny(self, rid: str, browser: str, parameters: dict[str, str]) -> bool:
        """The person said no: the request is over. False where it was before. Raises BrokerUnavailable."""
        decided = DecidedRequest(digest=digest_of(rid), browser=digest_of(browser), parameters=parameters)
        return await self._decide(decided, (), ())

    async def allow(
        self, rid: str, browser: str, parameters: dict[str, str], grant: Grant, code: str, redirect_uri: str, challenge: str
    ) -> bool:
        """The person allowed it: the grant lives from now on, and this code can be redeemed once.

        False where the request was over before. Raises BrokerUnavailable.
        """
        digest = digest_of(code)
        decided = DecidedRequest(
            digest=digest_of(rid),
            browser=digest_of(browser),
            parameters=parameters,
            family=grant.family,
            code=digest,
        )
        record = AuthorizationCode(digest=digest, grant=grant, redirect_uri=redirect_uri, challenge=challenge)
        # The family outlives the code, or a code that is redeemed in its last moment would find none.
        family = seal(self._ring, "edge", Family(grant=grant)), 2 * self._code_ms
        return await self._decide(
            decided,
            (log_in_keys.family(grant.family), log_in_keys.authorization_code(digest)),
            (*family, seal(self._ring, "edge", record), self._code_ms),
        )

    async def _decide(self, decided: DecidedRequest, further: tuple[str, ...], args: tuple[Any, ...]) -> bool:
        found = (log_in_keys.authorization_request(decided.digest), log_in_keys.decided_request(decided.digest), *further)
        return bool(await self._call("decide", found, seal(self._ring, "edge", decided), self._repeat_ms, *args))
