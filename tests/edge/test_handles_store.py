"""The records behind handles: signed, for one principal, kept for a time, changed by one at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from edge.handles.look import Look
from edge.handles.store import HandleStore
from edge.relay import Relay
from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import BrokerUnavailable
from shared.handles import Handle
from shared.identity import Principal
from shared.line import RedisLine
from shared.messages import ToolResult
from tests.contract.hop import BACKEND, GROUP, RING, make_call, open_line, settings_for
from tests.mesh import Broker


class Kept:
    """A store on a real broker, and what it refused."""

    def __init__(self, broker: Broker, line: RedisLine, **fields: Any) -> None:
        settings = settings_for(broker, **fields)
        self.line = line
        self.clock = BrokerClock()
        self.refused: list[tuple[str, str]] = []
        self.store = HandleStore(line, RING, self.clock, settings, refused=self._refuse)
        relay = Relay(line, RING, "e-test", events_max=8, refused=self._refuse)
        self.look = Look(self.store, relay, line, RING, self.clock, settings)

    def _refuse(self, kind: str, detail: str) -> None:
        self.refused.append((kind, detail))

    def handle(self, *, age_ms: int = 0, **fields: Any) -> Handle:
        """A record of a call that was started that long ago, and has two seconds for itself."""
        at_ms = self.clock.now_ms() - age_ms
        call = make_call(self.clock, deadline_ms=at_ms + 2_000)
        return Handle(call_id=call.call_id, call=call, group=GROUP, created_ms=at_ms, updated_ms=at_ms, **fields)


@asynccontextmanager
async def kept(broker: Broker, **fields: Any) -> AsyncIterator[Kept]:
    async with open_line(broker) as line:
        found = Kept(broker, line, **fields)
        await found.clock.measure(line)
        yield found


def test_a_record_is_found_by_its_principal_and_nobody_else(broker: Broker) -> None:
    async def scenario() -> None:
        async with kept(broker) as at:
            handle = at.handle()
            await at.store.put(handle)
            assert await at.store.find(handle.call_id, Principal(subject="owner")) == handle
            for stranger in (Principal(subject="ada", owner=True), Principal(tenant="other", subject="owner")):
                assert await at.store.find(handle.call_id, stranger) is None
            for name in ("0" * 32, handle.call_id.upper(), handle.call_id + "0", "", None, 7, [handle.call_id]):
                assert await at.store.find(name, handle.call.principal) is None
            assert at.refused == []

    asyncio.run(scenario())


def test_a_record_under_anothers_name_or_signed_by_a_worker_is_none(broker: Broker) -> None:
    async def scenario() -> None:
        async with kept(broker) as at:
            handle = at.handle()
            elsewhere = keys.handle("f" * 32)
            await at.line.cmd("SET", elsewhere, seal(RING, "edge", handle))
            assert await at.store.find("f" * 32, handle.call.principal) is None
            await at.line.cmd("SET", elsewhere, seal(RING, GROUP, msgspec.structs.replace(handle, call_id="f" * 32)))
            assert await at.store.find("f" * 32, handle.call.principal) is None
            await at.line.cmd("DEL", elsewhere)
            await at.line.cmd("HSET", elsewhere, "a", "b")
            assert await at.store.find("f" * 32, handle.call.principal) is None
            assert [kind for kind, _ in at.refused] == ["handle", "handle"]

    asyncio.run(scenario())


def test_a_record_lives_until_its_calls_time_is_over_and_a_results_life_longer(broker: Broker) -> None:
    async def scenario() -> None:
        async with kept(broker, result_ttl_s=10) as at:
            handle = at.handle()
            await at.store.put(handle)
            left_ms = await at.line.cmd("PTTL", keys.handle(handle.call_id))
            assert 11_000 < left_ms <= 12_000

    asyncio.run(scenario())


def test_what_is_held_is_held_by_one_at_a_time_and_let_go_after_an_error(broker: Broker) -> None:
    async def scenario() -> None:
        async with kept(broker) as at, kept(broker) as other:
            inside = most = 0

            async def change(store: HandleStore) -> None:
                nonlocal inside, most
                async with store.changing("a" * 32):
                    inside += 1
                    most = max(most, inside)
                    await asyncio.sleep(0.01)
                    inside -= 1

            async with asyncio.timeout(10):
                await asyncio.gather(*(change(store) for store in (at.store, other.store) * 5))
            assert most == 1
            with pytest.raises(ZeroDivisionError):
                async with at.store.changing("a" * 32):
                    raise ZeroDivisionError
            assert await at.line.cmd("EXISTS", f"{keys.handle('a' * 32)}:lock") == 0

    asyncio.run(scenario())


def test_who_can_not_hold_it_in_time_is_told_to_come_again(broker: Broker) -> None:
    async def scenario() -> None:
        async with kept(broker) as at:
            async with asyncio.timeout(10), at.store.changing("a" * 32):
                with pytest.raises(BrokerUnavailable) as refused:
                    async with at.store.changing("a" * 32):
                        raise AssertionError("held twice")
            assert refused.value.retry_after_s == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(("own_key", "left"), [(False, 1), (True, 2)])
def test_a_result_that_was_fetched_makes_the_same_call_a_new_one_but_for_a_key_of_the_clients_own(
    broker: Broker, own_key: bool, left: int
) -> None:
    async def scenario() -> None:
        async with kept(broker) as at:
            name = keys.reattach("share", "digest")
            handle = at.handle(reattach=name, own_key=own_key)
            for job_id in (keys.job_id(GROUP, handle.call_id), "another"):
                await at.line.cmd("HSET", name, job_id, "o:1")
            at.store.use_up(handle)
            assert await at.line.cmd("HLEN", name) == left

    asyncio.run(scenario())


def test_a_call_is_known_as_long_as_its_result_is_kept_and_then_no_more(broker: Broker) -> None:
    async def scenario() -> None:
        async with kept(broker, result_ttl_s=10) as at:
            running, late, gone = at.handle(), at.handle(age_ms=5_000), at.handle(age_ms=12_000)
            found = await at.look.at(running)
            assert found is not None
            assert not at.look.is_late(found)
            found = await at.look.at(late)
            assert found is not None
            assert at.look.is_late(found)
            assert await at.look.at(gone) is None
            end = ToolResult(call_id=gone.call_id, backend=BACKEND, seq=3, body=b"{}")
            final = keys.final(keys.job_id(GROUP, gone.call_id))
            await at.line.cmd("SET", final, seal(RING, GROUP, end), "PX", 9_000)
            found = await at.look.at(gone)
            assert found is not None
            assert found.waiter.final == end
            ended_ms = await at.look.ended_ms(gone)
            assert 500 < at.clock.now_ms() - ended_ms < 2_000

    asyncio.run(scenario())
