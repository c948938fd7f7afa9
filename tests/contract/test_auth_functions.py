"""What the authorization server keeps, and what happens to it at once (`shared/lua/auth.lua`), on a real broker."""

import asyncio

import msgspec
import pytest

from edge.oauth.secret_tokens import (
    digest_of,
    leads_to,
    new_family,
    new_refresh_token,
    new_token,
    successor_named,
    successor_of,
)
from shared import log_in_keys
from shared.grants import ACCESS, CODE, Grant
from shared.mesh_keys import parse_key_ring
from tests.contract.hop import RING, run
from tests.contract.kept_grants import Kept, hearing, kept
from tests.mesh import Broker, mesh_keys


def test_a_code_is_redeemed_once_and_a_second_time_ends_the_grant(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k, hearing(broker) as heard:
            grant, code = await k.begin()
            access, refresh = new_token(ACCESS, grant.family), new_refresh_token(grant.family)
            assert not await k.store.is_spent(code)
            assert await k.store.redeem(code, grant, access, refresh) == "ok"
            assert await k.lives(access, grant)
            assert await k.store.code(code) is None
            assert await k.store.is_spent(code)
            again = new_token(ACCESS, grant.family)
            assert await k.store.redeem(code, grant, again, None) == "spent"
            assert not await k.lives(access, grant)
            assert not await k.lives(again, grant)
            assert await k.store.redeem(code, grant, again, None) == "spent"
            assert heard() == [grant.family]
            assert await k.store.redeem(new_token(CODE, grant.family), grant, again, None) == "unknown"

    run(main)


def test_nothing_brings_back_a_grant_that_was_ended(broker: Broker) -> None:
    """Not what was on its way meanwhile: a redemption, a renewal."""

    async def main() -> None:
        async with kept(broker) as k, hearing(broker) as heard:
            grant, code = await k.begin()
            await k.store.end(grant.family)
            access = new_token(ACCESS, grant.family)
            assert await k.store.redeem(code, grant, access, new_refresh_token(grant.family)) == "ended"
            assert not await k.lives(access, grant)
            other, _, refresh = await k.redeemed()
            await k.store.end(other.family)
            await k.store.end(other.family)
            outcome, renewed = await k.renew(other, 0, refresh)
            assert outcome == "ended"
            assert not await k.lives(renewed, other)
            assert await k.families() == []
            assert heard() == [grant.family, other.family]

    run(main)


def test_a_family_is_made_once(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k:
            grant, _, _ = await k.redeemed()
            code = new_token(CODE, grant.family)
            assert not await k.allow(msgspec.structs.replace(grant, subject="bob"), code)
            assert await k.store.code(code) is None
            living = await k.store.family(grant.family)
            assert living is not None
            assert living.record.grant == grant

    run(main)


def test_a_request_is_decided_once_and_what_was_decided_is_kept_for_seconds(broker: Broker) -> None:
    """Whoever comes second changes nothing: neither a second yes, nor a no after a yes."""

    async def main() -> None:
        async with kept(broker, form_repeat_s=0.2) as k:
            await k.store.put_request("asked", "browser", {})
            first, _, _ = await k.redeemed()
            grant, other = (msgspec.structs.replace(first, family=new_family()) for _ in range(2))
            code, second = new_token(CODE, grant.family), new_token(CODE, other.family)
            assert await k.allow(grant, code, "asked")
            assert not await k.allow(other, second, "asked")
            assert not await k.store.decisions.deny("asked", "browser", {})
            assert await k.store.code(code) is not None
            assert await k.store.code(second) is None
            assert await k.store.family(other.family) is None
            decided = await k.store.decisions.find("asked", "browser")
            assert decided is not None
            assert (decided.family, decided.code) == (grant.family, digest_of(code))
            assert await k.store.decisions.find("asked", "another browser") is None
            async with asyncio.timeout(5):
                while await k.store.decisions.find("asked", "browser") is not None:
                    await asyncio.sleep(0.02)

    run(main)


def test_a_request_that_is_over_is_not_handed_on_to_another_session(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k:
            await k.store.put_request("asked", "browser", {})
            assert await k.store.decisions.deny("asked", "browser", {})
            await k.store.hand_request_on("asked", "browser", "the next one", {})
            assert await k.store.request("asked") is None

    run(main)


@pytest.mark.parametrize(
    ("renewals", "brought", "late", "outcome"),
    [
        (0, 0, False, "ok"),
        (0, 0, True, "ok"),
        (1, 0, False, "ok"),
        (1, 0, True, "reuse"),
        (1, 1, True, "ok"),
        (2, 0, False, "reuse"),
        (3, 0, False, "reuse"),
        (3, 2, False, "ok"),
        (3, 2, True, "reuse"),
        (0, 1, False, "reuse"),
    ],
)
def test_only_the_current_token_and_for_a_while_the_one_before_it_are_renewed(
    broker: Broker, renewals: int, brought: int, late: bool, outcome: str
) -> None:
    async def main() -> None:
        async with kept(broker) as k, hearing(broker) as heard:
            grant, first, refresh = await k.redeemed()
            chain = [refresh]
            for generation in range(renewals):
                assert (await k.renew(grant, generation, chain[-1]))[0] == "ok"
                chain.append(successor_of(RING, chain[-1]))
            if late:
                await k.wait_for_the_grace_to_pass(grant)
            found, access = await k.renew(grant, brought, chain[min(brought, renewals)])
            assert found == outcome
            assert await k.lives(access, grant) is (outcome == "ok")
            assert await k.lives(first, grant) is (outcome == "ok")
            assert heard() == ([] if outcome == "ok" else [grant.family])
            if outcome == "ok":
                living = await k.store.family(grant.family)
                assert living is not None
                assert living.generation == max(renewals, brought + 1)
                assert living.record.refresh == digest_of(successor_of(RING, chain[brought]))

    run(main)


def test_the_one_before_gives_nothing_that_is_not_kept(broker: Broker) -> None:
    """Two edges sign with different keys for a moment, while the operator changes them."""

    async def main() -> None:
        async with kept(broker) as k:
            grant, _, refresh = await k.redeemed()
            assert (await k.renew(grant, 0, refresh))[0] == "ok"
            access = new_token(ACCESS, grant.family)
            other = new_refresh_token(grant.family)
            assert await k.store.renew(0, grant, other, access, grant.scopes) == "ended"
            assert not await k.lives(access, grant)
            living = await k.store.family(grant.family)
            assert living is not None
            assert living.record.refresh == digest_of(successor_of(RING, refresh))

    run(main)


def test_a_grant_lives_on_with_each_renewal_and_no_longer_than_it_may(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker, refresh_token_s=1000.0, grant_s=5000.0) as k:
            grant, _, refresh = await k.redeemed()
            assert 990_000 < await k.line.cmd("PTTL", log_in_keys.family(grant.family)) <= 1_000_000
            old = msgspec.structs.replace(grant, started_ms=grant.started_ms - 4_900_000)
            assert (await k.renew(old, 0, refresh))[0] == "ok"
            assert 90_000 < await k.line.cmd("PTTL", log_in_keys.family(grant.family)) <= 100_000

    run(main)


def test_a_record_is_believed_only_where_it_belongs(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k:
            grant, access, _ = await k.redeemed()
            other, other_access, _ = await k.redeemed()
            stolen = new_token(ACCESS, other.family)
            record = await k.line.cmd("GET", log_in_keys.access_token(digest_of(other_access)))
            await k.line.cmd("SET", log_in_keys.access_token(digest_of(stolen)), record)
            assert not await k.lives(stolen, other), "a true record under another token"
            await k.line.cmd("HSET", log_in_keys.family(grant.family), "r", await _field(k, other))
            assert await k.store.family(grant.family) is None, "a true record of another grant"
            await k.line.cmd("SET", log_in_keys.access_token(digest_of(access)), b"anything")
            assert not await k.lives(access, grant)
            assert len(k.refused) == 1

    run(main)


async def _field(k: Kept, grant: Grant) -> bytes:
    found: bytes = await k.line.cmd("HGET", log_in_keys.family(grant.family), "r")
    return found


def test_tries_are_counted_before_they_are_made_and_given_back_when_they_were_none(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k:
            both = ["tm-auth:failures:both:x", "tm-auth:failures:account:x"]
            waits = await asyncio.gather(*(k.store.attempt(both, 900, [5, 0]) for _ in range(50)))
            assert sorted(waits)[:5] == [0.0] * 5
            assert all(0 < wait <= 900 for wait in sorted(waits)[5:])
            assert await k.line.cmd("GET", both[1]) == b"5"
            await k.store.forgive(both, forgotten=1)
            assert await k.line.cmd("EXISTS", both[0]) == 0
            assert await k.line.cmd("GET", both[1]) == b"4"
            assert 0 < await k.line.cmd("PTTL", both[1]) <= 900_000
            assert await k.store.attempt([both[1]], 900, [4]) > 0
            assert [await k.store.use_once("an id", 60) for _ in range(2)] == [True, False]

    run(main)


def test_as_many_clients_register_as_there_may_be_and_those_that_nobody_used_make_room(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker, clients_max=5, client_unused_s=1000.0, grant_s=5000.0) as k:
            asked = await asyncio.gather(*(k.store.register(f"c{n}", b"{}") for n in range(20)))
            assert sum(asked) == 5
            names = [f"c{n}" for n, kept_it in enumerate(asked) if kept_it]
            await k.store.keep_client(names[0])
            assert 4_990_000 < await k.line.cmd("PTTL", log_in_keys.registered_client(names[0])) <= 5_000_000
            for name in names[1:]:
                await k.line.cmd("ZADD", log_in_keys.AUTH_CLIENTS, 1, name)
            assert await k.store.register("another", b"{}")
            assert await k.line.cmd("ZCARD", log_in_keys.AUTH_CLIENTS) == 2
            await k.store.keep_client("nobody")
            assert await k.line.cmd("ZSCORE", log_in_keys.AUTH_CLIENTS, "nobody") is None
            assert [await k.store.forget_client(names[0]) for _ in range(2)] == [True, False]

    run(main)


def test_a_chain_of_refresh_tokens_is_recognized_and_an_invented_one_is_not() -> None:
    """Also by an edge to whose key a newer one was added."""
    newer = parse_key_ring(mesh_keys() + ",edge:k2:" + "bmV3ZXIuLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4uLi4=")
    chain = [new_refresh_token(new_family())]
    for _ in range(5):
        chain.append(successor_of(RING, chain[-1]))
    current = digest_of(chain[-1])
    for ring in (RING, newer):
        assert [leads_to(ring, token, 5, current) for token in chain] == [True] * 5 + [False]
        assert successor_named(ring, chain[4], current) == chain[5]
        assert successor_named(ring, chain[3], current) is None
        assert not leads_to(ring, chain[0][:-1] + ("A" if chain[0][-1] != "A" else "E"), 5, current)
        assert not leads_to(ring, chain[0], 6, current)
