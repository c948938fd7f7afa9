"""Who was sent to an identity provider and is to come back: kept for any edge, found by the same browser alone, once."""

from collections.abc import Callable

from redis.exceptions import ResponseError

from edge.oauth.secret_tokens import digest_of
from edge.sessions.records import Records
from shared import log_in_keys
from shared.codec import seal
from shared.errors import BrokerUnavailable
from shared.grants import LogInElsewhere
from shared.line import RedisLine
from shared.mesh_keys import KeyRing


class ProviderStates:
    """The records, as one edge reaches them."""

    def __init__(self, line: RedisLine, ring: KeyRing, *, kept_s: float, refused: Callable[[str, str], None]) -> None:
        self._line = line
        self._ring = ring
        self._kept_ms = int(kept_s * 1000)
        self._records = Records(ring, refused=refused, kind="log-in elsewhere")

    async def put(self, browser: str, state: str, *, provider: str, issuer: str, rid: str) -> None:
        """Somebody is sent there. Raises BrokerUnavailable."""
        digest = digest_of(f"{browser}|{state}")
        record = LogInElsewhere(digest=digest, provider=provider, issuer=issuer, rid=rid)
        try:
            await self._line.cmd(
                "SET", log_in_keys.log_in_elsewhere(digest), seal(self._ring, "edge", record), "PX", self._kept_ms
            )
        except ResponseError as cause:
            raise BrokerUnavailable("Nobody can be sent to log in elsewhere now.", retry_after_s=2) from cause

    async def take(self, browser: str, state: str) -> LogInElsewhere | None:
        """Who came back, the first time; what another browser brings takes nothing away. Raises BrokerUnavailable."""
        digest = digest_of(f"{browser}|{state}")
        record = await self._records.read(self._line.cmd("GETDEL", log_in_keys.log_in_elsewhere(digest)), LogInElsewhere)
        return record if record is not None and record.digest == digest else None
