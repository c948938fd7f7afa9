"""What the authorization server keeps, held by a store on a real broker."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from edge.oauth.secret_tokens import new_family, new_refresh_token, new_token, successor_of
from edge.oauth.store import GrantStore
from shared import log_in_keys
from shared.clock import BrokerClock
from shared.grants import ACCESS, CODE, Grant
from shared.line import RedisLine
from tests.contract.hop import RING, open_line, settings_for
from tests.mesh import Broker

GRACE_S = 0.3


@dataclass
class Kept:
    """A store on a broker, and what it refused to believe."""

    store: GrantStore
    line: RedisLine
    refused: list[str] = field(default_factory=list)

    async def families(self) -> list[bytes]:
        """Families that still stand."""
        return [key async for key in _scan(self.line, "tm-auth:family:*")]

    async def begin(self, **fields: Any) -> tuple[Grant, str]:
        """A grant that somebody allowed now, and its code."""
        values: dict[str, Any] = {
            "family": new_family(),
            "client_id": "c",
            "client_name": "",
            "subject": "ada",
            "scopes": ("tools:read",),
            "resource": "https://mesh.example/mcp",
            "started_ms": self.store.clock.now_ms(),
        }
        grant = Grant(**{**values, **fields})
        code = new_token(CODE, grant.family)
        assert await self.allow(grant, code)
        return grant, code

    async def allow(self, grant: Grant, code: str, rid: str = "") -> bool:
        """A person allows it, in answer to a request of its own or to the one of that id."""
        if not rid:
            rid = secrets.token_urlsafe(24)
            await self.store.put_request(rid, "browser", {})
        uri = "https://client.example/cb"
        return await self.store.decisions.allow(rid, "browser", {}, grant, code, uri, "x" * 43)

    async def redeemed(self) -> tuple[Grant, str, str]:
        """A grant with its first access and refresh token."""
        grant, code = await self.begin()
        access, refresh = new_token(ACCESS, grant.family), new_refresh_token(grant.family)
        assert await self.store.redeem(code, grant, access, refresh) == "ok"
        return grant, access, refresh

    async def renew(self, grant: Grant, generation: int, token: str) -> tuple[str, str]:
        """What bringing a token of that generation gives, and the access token that came of it or did not."""
        access = new_token(ACCESS, grant.family)
        return await self.store.renew(generation, grant, successor_of(RING, token), access, grant.scopes), access

    async def lives(self, access: str, grant: Grant) -> bool:
        """Whether an access token is good."""
        return await self.store.access(access, grant.family) is not None

    async def wait_for_the_grace_to_pass(self, grant: Grant) -> None:
        """By the broker's clock."""
        renewed_ms = int(await self.line.cmd("HGET", log_in_keys.family(grant.family), "at"))
        while True:
            seconds, micros = await self.line.cmd("TIME")
            if int(seconds) * 1000 + int(micros) // 1000 > renewed_ms + GRACE_S * 1000:
                return
            await asyncio.sleep(0.02)


async def _scan(line: RedisLine, pattern: str) -> AsyncIterator[bytes]:
    cursor: Any = b"0"
    while True:
        cursor, found = await line.cmd("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        for key in found:
            yield key
        if cursor == b"0":
            return


@asynccontextmanager
async def kept(broker: Broker, **fields: Any) -> AsyncIterator[Kept]:
    """A store with a short grace."""
    clock = BrokerClock()
    async with open_line(broker) as line:
        await clock.measure(line)
        refused: list[str] = []
        settings = settings_for(broker, refresh_grace_s=GRACE_S, **fields)
        yield Kept(GrantStore(line, RING, clock, settings, refused=lambda kind, why: refused.append(why)), line, refused)


@asynccontextmanager
async def hearing(broker: Broker) -> AsyncIterator[Any]:
    """What is told of grants that ended: a function that gives all of it so far."""
    with broker.client() as client, client.pubsub() as channel:
        channel.subscribe(log_in_keys.REVOKED)
        assert (channel.get_message(timeout=5) or {})["type"] == "subscribe"
        heard: list[str] = []

        def so_far() -> list[str]:
            client.publish(log_in_keys.REVOKED, "end")
            while (said := channel.get_message(timeout=5)) is not None and said["data"] != b"end":
                heard.append(said["data"].decode())
            return heard

        yield so_far
