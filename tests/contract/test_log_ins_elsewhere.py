"""What an edge keeps of people who log in elsewhere, on a real broker: for how long it counts, and who may take it."""

import asyncio

import msgspec

from edge.oauth.access_tokens import AccessTokens
from edge.oauth.provider_states import ProviderStates
from edge.oauth.secret_tokens import digest_of, new_refresh_token, new_token, successor_of
from shared import log_in_keys
from shared.codec import seal
from shared.foreign_identity import ForeignIdentity
from shared.grants import ACCESS, Grant, LogInElsewhere
from shared.mesh_keys import parse_key_ring
from tests.contract.hop import RING, run
from tests.contract.kept_grants import Kept, kept
from tests.mesh import Broker, mesh_keys

ADA = ForeignIdentity(issuer="https://idp.example", subject="1", name="Ada", groups=("staff",))


def ada(k: Kept, ago_s: float) -> ForeignIdentity:
    """Of whom something was said so long ago."""
    return msgspec.structs.replace(ADA, said_ms=k.store.clock.now_ms() - int(ago_s * 1000))


async def tokens_of(k: Kept, subject: ForeignIdentity) -> tuple[Grant, str, str]:
    """A grant of hers with its tokens."""
    grant, code = await k.begin(subject=subject)
    access, refresh = new_token(ACCESS, grant.family), new_refresh_token(grant.family)
    assert await k.store.redeem(code, grant, access, refresh) == "ok"
    return grant, access, refresh


def test_what_a_provider_said_counts_for_so_long_and_no_longer(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker, identity_max_age_s=60.0) as k:
            tokens = AccessTokens(k.store, kept_s=60, hears=lambda: True)
            _, access, _ = await tokens_of(k, ada(k, 50))
            record = await tokens.find(access)
            assert record is not None
            assert record.grant.username == "https://idp.example#1"
            _, late, _ = await tokens_of(k, ada(k, 61))
            assert await tokens.find(late) is None
            assert k.store.counts("ada"), "a user of this server is looked up each time"

    run(main)


def test_a_connection_ends_with_it_also_while_it_is_used(broker: Broker) -> None:
    """Renewing makes nothing of what was said newer; the record itself goes when its time is over."""

    async def main() -> None:
        async with kept(broker, identity_max_age_s=60.0) as k:
            grant, _, refresh = await tokens_of(k, ada(k, 50))
            for generation in range(2):
                outcome, _ = await k.renew(grant, generation, refresh)
                assert outcome == "ok"
                refresh = successor_of(RING, refresh)
            left_ms = await k.line.cmd("PTTL", log_in_keys.family(grant.family))
            assert 0 < left_ms <= 10_000
            other, _, _ = await tokens_of(k, ada(k, 0))
            assert 50_000 < await k.line.cmd("PTTL", log_in_keys.family(other.family)) <= 60_000

    run(main)


def test_a_browser_is_logged_in_only_while_it_counts(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker, identity_max_age_s=60.0) as k:
            for ago_s, counts in ((50, True), (61, False)):
                subject = ada(k, ago_s)
                await k.store.put_browser("browser", subject)
                assert await k.store.subject_in("browser") == (subject if counts else None)
            await k.store.put_browser("browser", "ada")
            assert await k.store.subject_in("browser") == "ada"

    run(main)


def test_who_was_sent_is_found_once_by_browser_and_state_together(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k:
            states = ProviderStates(k.line, RING, kept_s=60, refused=lambda kind, why: k.refused.append(why))
            await states.put("browser", "state", provider="corp", issuer="https://idp.example", rid="r")
            for browser, state in (("other", "state"), ("browser", "other"), ("browser|state", ""), ("", "browser|state")):
                assert await states.take(browser, state) is None, "and nothing is taken away"
            many = await asyncio.gather(*(states.take("browser", "state") for _ in range(20)))
            (found,) = [each for each in many if each is not None]
            assert (found.provider, found.rid) == ("corp", "r")
            await states.put("browser", "state", provider="corp", issuer="https://idp.example", rid="r")
            key = log_in_keys.log_in_elsewhere(digest_of("browser|state"))
            assert 0 < await k.line.cmd("PTTL", key) <= 60_000
            assert b"browser" not in await k.line.cmd("GET", key)
            assert k.refused == []

    run(main)


def test_a_way_back_that_was_written_into_the_broker_or_copied_there_leads_nowhere(broker: Broker) -> None:
    async def main() -> None:
        async with kept(broker) as k:
            states = ProviderStates(k.line, RING, kept_s=60, refused=lambda kind, why: k.refused.append(why))
            digest = digest_of("browser|state")
            ours = LogInElsewhere(digest=digest, provider="corp", issuer="https://idp.example", rid="r")
            copied = msgspec.structs.replace(ours, digest=digest_of("attacker|state"))
            others = parse_key_ring(mesh_keys().replace("edge:k1:ZWRn", "edge:k1:ZWRo"))
            for raw in (seal(others, "edge", ours), seal(RING, "edge", copied), seal(RING, "default", ours), b"nonsense"):
                await k.line.cmd("SET", log_in_keys.log_in_elsewhere(digest), raw)
                assert await states.take("browser", "state") is None
            assert len(k.refused) == 3

    run(main)
