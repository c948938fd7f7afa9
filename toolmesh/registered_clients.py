"""Clients that registered themselves, as the broker of log-ins keeps them, and the end of what people allowed a client.

Believed is what the edges' own key signed. The names are the clients' own word.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from shared import keys, log_in_keys
from shared.audit import access_record
from shared.codec import unseal
from shared.errors import BrokerUnavailable, ConfigurationError, ForgedMessage
from shared.grants import Family, Grant, RegisteredClient
from shared.messages import Message
from toolmesh.queue.letters import ROLE
from toolmesh.queue.reach import Reach, connection, now_ms, reach
from toolmesh.queue.times import ago

M = TypeVar("M", bound=Message)

_AT_A_TIME = 500


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A client that registered itself."""

    client_id: str
    client_name: str
    redirect_uris: tuple[str, ...]
    auth_method: str
    forgotten_ms: int
    """When it is forgotten unless somebody uses it; Unix time by the broker's clock."""


class _Metadata(msgspec.Struct):
    """What is looked at of what an edge kept (`edge/oauth/register.py`)."""

    client_name: str = ""
    redirect_uris: tuple[str, ...] = ()
    auth_method: str = ""


_metadata = msgspec.json.Decoder(_Metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of ending a client."""

    known: bool = False
    """Whether it had registered itself."""
    said: str = ""
    """What ended and what stays, for the operator."""
    why_not: str = ""
    """Why the broker was not asked."""


def registered_clients(config: Path | None, data: Path | None) -> tuple[list[Registered] | None, str]:
    """Those that there are now; or None, and why they can't be known."""

    async def look() -> list[Registered]:
        where = log_ins(config, data)
        async with connection(where) as redis:
            return await _all(redis, where)

    try:
        return asyncio.run(look()), ""
    except (BrokerUnavailable, ConfigurationError) as error:
        return None, error.detail


def end_client(config: Path | None, data: Path | None, client_id: str, *, registered: bool) -> Ended:
    """End what people allowed a client, as far as the broker's user may; with `registered` forget the client before."""

    async def end() -> Ended:
        where = log_ins(config, data)
        async with connection(where) as redis:
            if registered and not await _forget(redis, client_id):
                return Ended()
            try:
                grants = [grant async for grant in _grants_of(redis, where, client_id)]
            except NoPermissionError:
                return Ended(known=registered, said=_stays(where))
            await _end(redis, grants)
        return Ended(known=registered, said=_said(grants) + await _recorded(config, data, where, grants))

    try:
        return asyncio.run(end())
    except (BrokerUnavailable, ConfigurationError) as error:
        if registered:
            return Ended(why_not=error.detail)
        return Ended(
            said=f"What people allowed it was not looked for: {error.detail} Access tokens that it "
            "holds work until they run out (TOOLMESH_ACCESS_TOKEN_S, 1 h by default)."
        )


def log_ins(config: Path | None, data: Path | None) -> Reach:
    """The broker that log-ins are kept on, and the keys that they are signed with. Raises ConfigurationError."""
    environment = dict(os.environ)
    for suffix in ("", "_FILE"):
        own = environment.get(f"AUTH_REDIS_URL{suffix}", "").strip()
        if own and not any(environment.get(name, "").strip() for name in ("REDIS_URL", "REDIS_URL_FILE")):
            environment[f"REDIS_URL{suffix}"] = own
    where = reach(config, data, environment)
    own_url = where.settings.auth_redis_url
    return (
        where
        if own_url is None
        else Reach(url=own_url.reveal(), ring=where.ring, entries=where.entries, settings=where.settings)
    )


async def _all(redis: Redis, where: Reach) -> list[Registered]:
    listed = await redis.zrangebyscore(log_in_keys.AUTH_CLIENTS, await now_ms(redis), "+inf", withscores=True)
    found = []
    for start in range(0, len(listed), _AT_A_TIME):
        some = [(name.decode("utf-8", "replace"), int(score)) for name, score in listed[start : start + _AT_A_TIME]]
        pipeline = redis.pipeline(transaction=False)
        for client_id, _ in some:
            pipeline.get(log_in_keys.registered_client(client_id))
        for (client_id, forgotten_ms), raw in zip(some, await pipeline.execute(raise_on_error=False), strict=True):
            record = _believed(where, raw, RegisteredClient)
            if record is None or record.client_id != client_id:
                continue
            kept = _metadata.decode(record.metadata)
            found.append(
                Registered(
                    client_id=client_id,
                    client_name=kept.client_name,
                    redirect_uris=kept.redirect_uris,
                    auth_method=kept.auth_method,
                    forgotten_ms=forgotten_ms,
                )
            )
    return found


async def _forget(redis: Redis, client_id: str) -> bool:
    gone = await redis.delete(log_in_keys.registered_client(client_id))
    await redis.zrem(log_in_keys.AUTH_CLIENTS, client_id)
    return bool(gone)


async def _grants_of(redis: Redis, where: Reach, client_id: str) -> AsyncIterator[Grant]:
    async for key in redis.scan_iter(match=log_in_keys.family("*"), count=_AT_A_TIME):
        try:
            raw = await redis.hget(key, "r")  # type: ignore[misc]
        except NoPermissionError:
            raise
        except ResponseError:
            continue  # no hash: nothing that an edge put there
        record = _believed(where, raw, Family)
        if (
            record is not None
            and record.grant.client_id == client_id
            and log_in_keys.family(record.grant.family).encode() == key
        ):
            yield record.grant


async def _end(redis: Redis, grants: list[Grant]) -> None:
    """As `end_grant` of shared/lua/auth.lua does it."""
    for grant in grants:
        async with redis.pipeline(transaction=True) as together:
            together.delete(log_in_keys.family(grant.family))
            together.publish(log_in_keys.REVOKED, grant.family)
            await together.execute()


async def _recorded(config: Path | None, data: Path | None, where: Reach, grants: list[Grant]) -> str:
    """Have the audit know, which lies on the calls' broker; gives what to say where it can't."""
    if not grants:
        return ""
    try:
        calls = where if where.settings.auth_redis_url is None else reach(config, data)
        async with connection(calls) as redis:
            at_ms = await now_ms(redis)
            for grant in grants:
                record = access_record("revoked", ROLE, at_ms, "", grant.username, grant.client_id)
                await redis.xadd(keys.AUDIT_STREAM, {"r": record}, maxlen=keys.AUDIT_STREAM_MAX, approximate=True)
    except (BrokerUnavailable, ConfigurationError) as error:
        return f" The audit does not know: {error.detail}"
    return ""


def _believed(where: Reach, raw: object, kind: type[M]) -> M | None:
    if not isinstance(raw, bytes):
        return None
    try:
        return unseal(where.ring, "edge", raw, kind)
    except ForgedMessage:
        return None


def _said(grants: list[Grant]) -> str:
    if not grants:
        return "Nobody was connected with it."
    people = len({grant.username for grant in grants})
    connections = f"{len(grants)} connection{'' if len(grants) == 1 else 's'}"
    return f"{connections} of {people} {'person' if people == 1 else 'people'} ended, on every edge at once."


def _stays(where: Reach) -> str:
    lives = ago(where.settings.access_token_s)
    return (
        f"Access tokens that it holds work until they run out, {lives} at most: the broker's user may not look for them. "
        "With the URL of one who may list keys (the administrator) they end at once."
    )
