"""Where the authorization server keeps what it must not forget: requests, browsers, grants, tokens, clients.

Any edge answers any step. What must happen at once happens in one Redis Function (`shared/lua/auth.lua`); where the broker
can't be asked, BrokerUnavailable is raised, and the answer is 503, never yes.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from redis.exceptions import ResponseError

from edge.oauth.decisions import Decisions
from edge.oauth.secret_tokens import digest_of
from edge.sessions.records import Records
from shared import log_in_keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import BrokerUnavailable
from shared.foreign_identity import Subject
from shared.functions import fcall
from shared.grants import (
    AccessToken,
    AuthorizationCode,
    AuthorizationRequest,
    BrowserSession,
    Family,
    Grant,
    RegisteredClient,
)
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings

Redeemed = Literal["ok", "spent", "ended", "unknown"]
Renewed = Literal["ok", "reuse", "ended"]

_SPENT_MS = 600_000
"""How long a redeemed code is known as one: longer than any code could have lived."""


@dataclass(frozen=True, slots=True)
class LivingFamily:
    """A grant as it is now."""

    record: Family
    generation: int
    """How often its refresh token was renewed."""


class GrantStore:
    """The records, as one edge reaches them."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        settings: Settings,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._line = line
        self._ring = ring
        self.clock = clock
        self._records = Records(ring, refused=refused, kind="grant")
        self._request_ms = _ms(settings.authorization_request_s)
        self._session_ms = _ms(settings.login_session_s)
        self._code_ms = _ms(settings.code_s)
        self._access_ms = _ms(settings.access_token_s)
        self._refresh_ms = _ms(settings.refresh_token_s)
        self._grant_ms = _ms(settings.grant_s)
        self._grace_ms = _ms(settings.refresh_grace_s)
        self._identity_ms = _ms(settings.identity_max_age_s)
        self._clients_max = settings.clients_max
        self._unused_ms = _ms(settings.client_unused_s)
        self.decisions = Decisions(ring, self._call, self._read, settings)

    # Requests that wait for a person, and browsers.

    async def put_request(self, rid: str, browser: str, parameters: dict[str, str]) -> None:
        """Keep a client's request for a browser."""
        digest = digest_of(rid)
        record = AuthorizationRequest(digest=digest, browser=digest_of(browser), parameters=parameters)
        await self._put(log_in_keys.authorization_request(digest), record, self._request_ms)

    async def hand_request_on(self, rid: str, former: str, browser: str, parameters: dict[str, str]) -> None:
        """Somebody logged in: it is of the session from now on that the browser changes to. One that is over stays over."""
        digest, now_ms = digest_of(rid), self.clock.now_ms()
        belongs = {"browser": digest_of(browser), "former": digest_of(former), "logged_in_ms": now_ms}
        record = AuthorizationRequest(digest=digest, parameters=parameters, **belongs)  # type: ignore[arg-type]
        await self._put(log_in_keys.authorization_request(digest), record, self._request_ms, "XX")

    async def request(self, rid: str) -> AuthorizationRequest | None:
        """A request that waits. Whose it is has to be looked at."""
        digest = digest_of(rid)
        record = await self._read(log_in_keys.authorization_request(digest), AuthorizationRequest)
        return record if record and record.digest == digest else None

    async def put_browser(self, browser: str, subject: Subject) -> None:
        """Somebody logged in in this browser."""
        digest = digest_of(browser)
        await self._put(
            log_in_keys.browser_session(digest), BrowserSession(digest=digest, subject=subject), self._session_ms
        )

    async def subject_in(self, browser: str) -> Subject | None:
        """Who logged in in this browser, where that still counts."""
        digest = digest_of(browser)
        record = await self._read(log_in_keys.browser_session(digest), BrowserSession)
        return record.subject if record and record.digest == digest and self.counts(record.subject) else None

    async def forget_browser(self, browser: str) -> None:
        """Nobody is logged in there any more."""
        await self._do("DEL", log_in_keys.browser_session(digest_of(browser)))

    def counts(self, subject: Subject) -> bool:
        """Whether a log-in is recent enough: what others said of somebody counts for `identity_max_age_s`."""
        return isinstance(subject, str) or self.clock.now_ms() < subject.said_ms + self._identity_ms

    # Grants.

    async def code(self, code: str) -> AuthorizationCode | None:
        """A code that can still be redeemed."""
        digest = digest_of(code)
        record = await self._read(log_in_keys.authorization_code(digest), AuthorizationCode)
        return record if record and record.digest == digest else None

    async def is_spent(self, code: str) -> bool:
        """Whether a code was redeemed before."""
        return bool(await self._do("EXISTS", log_in_keys.spent_code(digest_of(code))))

    async def redeem(self, code: str, grant: Grant, access: str, refresh: str | None) -> Redeemed:
        """Exchange a code for its tokens, once. A second time ends the grant."""
        digest = digest_of(code)
        family = Family(grant=grant, refresh=digest_of(refresh) if refresh else "")
        token = self._access_record(access, grant, grant.scopes)
        life_ms = self._life_ms(grant) if refresh else self._access_ms
        found: bytes = await self._call(
            "redeem",
            (
                log_in_keys.authorization_code(digest),
                log_in_keys.spent_code(digest),
                log_in_keys.family(grant.family),
                log_in_keys.access_token(token.digest),
            ),
            *(seal(self._ring, "edge", family), life_ms, seal(self._ring, "edge", token), self._access_ms, _SPENT_MS),
            *(log_in_keys.REVOKED, grant.family),
        )
        outcome: Redeemed = msgspec.convert(found.decode(), Redeemed)
        return outcome

    async def family(self, name: str) -> LivingFamily | None:
        """A grant, if it lives."""
        try:
            r, n = await self._line.cmd("HMGET", log_in_keys.family(name), "r", "n")
        except ResponseError as cause:
            raise _unavailable(cause) from cause
        if r is None or n is None:
            return None
        record = self._records.checked(r, Family)
        if record is None or record.grant.family != name or not n.isdigit():
            return None
        return LivingFamily(record, int(n))

    async def renew(self, generation: int, grant: Grant, successor: str, access: str, scopes: tuple[str, ...]) -> Renewed:
        """Exchange a refresh token of that generation, found to be genuine, for its successor and an access token."""
        token = self._access_record(access, grant, scopes)
        family = Family(grant=grant, refresh=digest_of(successor))
        found: bytes = await self._call(
            "renew_grant",
            (log_in_keys.family(grant.family), log_in_keys.access_token(token.digest)),
            generation,
            seal(self._ring, "edge", family),
            self._life_ms(grant),
            seal(self._ring, "edge", token),
            self._access_ms,
            self._grace_ms,
            *(log_in_keys.REVOKED, grant.family, family.refresh),
        )
        outcome: Renewed = msgspec.convert(found.decode(), Renewed)
        return outcome

    async def end(self, family: str) -> None:
        """End a grant and all that came of it, on every edge at once."""
        await self._call("end_grant", (log_in_keys.family(family),), log_in_keys.REVOKED, family)

    async def access(self, token: str, family: str) -> AccessToken | None:
        """An access token, if it and its grant live. Both are asked for in one round trip."""
        digest = digest_of(token)
        asked = self._line.cmd("GET", log_in_keys.access_token(digest))
        lives = self._line.cmd("EXISTS", log_in_keys.family(family))
        record = await self._records.read(asked, AccessToken)
        try:
            living = await lives
        except ResponseError as cause:
            raise _unavailable(cause) from cause
        if not living or record is None or record.digest != digest or record.grant.family != family:
            return None
        return record if record.expires_ms > self.clock.now_ms() else None

    # Clients that registered themselves.

    async def register(self, client_id: str, metadata: bytes) -> bool:
        """Keep a new client; False where there are as many as there may be."""
        record = RegisteredClient(client_id=client_id, metadata=metadata)
        return bool(
            await self._call(
                "register",
                (log_in_keys.registered_client(client_id), log_in_keys.AUTH_CLIENTS),
                seal(self._ring, "edge", record),
                *(self._unused_ms, self._clients_max, client_id),
            )
        )

    async def client(self, client_id: str) -> bytes | None:
        """The metadata of a client that registered itself, as a JSON object."""
        record = await self._read(log_in_keys.registered_client(client_id), RegisteredClient)
        return record.metadata if record and record.client_id == client_id else None

    async def keep_client(self, client_id: str) -> None:
        """It is in use: it is forgotten no earlier than its grants can end."""
        await self._call(
            "keep_client", (log_in_keys.registered_client(client_id), log_in_keys.AUTH_CLIENTS), self._grant_ms, client_id
        )

    async def forget_client(self, client_id: str) -> bool:
        """Take a client away; False where there was none."""
        gone = await self._do("DEL", log_in_keys.registered_client(client_id))
        await self._do("ZREM", log_in_keys.AUTH_CLIENTS, client_id)
        return bool(gone)

    # Counting.

    async def use_once(self, what: str, ttl_s: float) -> bool:
        """Whether it is used for the first time within that time."""
        return await self._do("SET", log_in_keys.once(digest_of(what)), "1", "NX", "PX", _ms(ttl_s)) is not None

    async def attempt(self, counters: Iterable[str], window_s: float, limits: Iterable[int]) -> float:
        """Count one attempt on each counter; gives 0, or after how many seconds to come again, and then counts nothing."""
        return float(await self._call("try", counters, _ms(window_s), *limits)) / 1000

    async def forgive(self, counters: Iterable[str], *, forgotten: int = 0) -> None:
        """The attempt was none: it is taken back, and so many counters, from the first, are forgotten altogether."""
        await self._call("forgive", counters, forgotten)

    def _access_record(self, access: str, grant: Grant, scopes: tuple[str, ...]) -> AccessToken:
        expires_ms = self.clock.now_ms() + self._access_ms
        return AccessToken(digest=digest_of(access), grant=grant, scopes=scopes, expires_ms=expires_ms)

    def _life_ms(self, grant: Grant) -> int:
        """How long a grant lives on when it is used now, in milliseconds; 1 where its time is over."""
        end_ms = grant.started_ms + self._grant_ms
        if not isinstance(grant.subject, str):
            end_ms = min(end_ms, grant.subject.said_ms + self._identity_ms)
        return max(1, min(self._refresh_ms, end_ms - self.clock.now_ms()))

    async def _put(self, key: str, record: Any, ttl_ms: int, *only: str) -> None:
        await self._do("SET", key, seal(self._ring, "edge", record), "PX", ttl_ms, *only)

    async def _read(self, key: str, kind: type[Any]) -> Any:
        return await self._records.read(self._line.cmd("GET", key), kind)

    async def _do(self, *command: Any) -> Any:
        try:
            return await self._line.cmd(*command)
        except ResponseError as cause:
            raise _unavailable(cause) from cause

    async def _call(self, short: str, function_keys: Iterable[str], *args: Any) -> Any:
        try:
            return await fcall(self._line, short, function_keys, *args)
        except ResponseError as cause:
            raise _unavailable(cause) from cause


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _unavailable(cause: Exception) -> BrokerUnavailable:
    return BrokerUnavailable("What was asked can't be looked up now.", retry_after_s=2)
