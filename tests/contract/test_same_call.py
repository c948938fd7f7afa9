"""The same call, sent again: what it joins and what it does not, on a real broker (docs/guarantees.md)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

import msgspec
import pytest

from shared import keys
from shared.clock import BrokerClock
from shared.errors import InvalidParams
from shared.line import RedisLine
from shared.messages import CallClass, ToolCall
from shared.queue import Gone, Limits, Same, StillWaited, cancel, enqueue, lose
from shared.subscription import Subscription
from tests.contract.hop import GROUP, READ_QUEUE, RING, WRITE_QUEUE, claim, make_call, open_line, run
from tests.mesh import Broker

LIMITS = Limits(depth_max=1000, principal_in_flight_max=1000, result_ttl_ms=60_000, reattach_ms=30_000, edge_sign_ms=60_000)
KEEP = Same(keys.reattach("somebody", "digest"), "keep")
LOOK = Same(KEEP.key, "look")


class Edge:
    """One edge, as far as the broker knows of it."""

    def __init__(self, line: RedisLine, clock: BrokerClock, name: str) -> None:
        self.line = line
        self.clock = clock
        self.name = name
        self.ear: Subscription

    async def live(self, url: str) -> None:
        """Listen, and say so."""
        self.ear = Subscription(url, [keys.reply_channel(self.name)], _ignore, _nothing, timeout_s=5)
        await self.ear.open()
        await self.give_a_sign()

    async def give_a_sign(self) -> None:
        await self.line.cmd("SET", keys.edge_alive(self.name), "1", "PX", LIMITS.edge_sign_ms)

    async def fall_silent(self) -> None:
        await self.line.cmd("DEL", keys.edge_alive(self.name))

    async def grow_deaf(self) -> None:
        await self.ear.close()
        async with asyncio.timeout(10):
            while (await self.line.cmd("PUBSUB", "NUMSUB", keys.reply_channel(self.name)))[1]:
                await asyncio.sleep(0.01)

    def make(self, access: CallClass = "write") -> ToolCall:
        return make_call(self.clock, access=access, reply=self.name, epoch=self.line.epoch)

    async def send(self, call: ToolCall, same: Same = KEEP, *, gone: Gone = 2, ago_ms: int = 0) -> str:
        now_ms = self.clock.now_ms()
        return await enqueue(self.line, RING, GROUP, call, now_ms - ago_ms, LIMITS, same, gone=gone, sent_ms=now_ms)

    async def leave(self, call: ToolCall, *, drop: bool = False) -> bool:
        now_ms = self.clock.now_ms()
        return await lose(self.line, RING, GROUP, call, now_ms, same=KEEP.key, drop=drop, role=self.name, limits=LIMITS)

    async def cancel(self, call: ToolCall, *, only_lost: bool) -> bool:
        now_ms = self.clock.now_ms()
        return await cancel(self.line, RING, GROUP, call, now_ms, same=KEEP.key, only_lost=only_lost, role=self.name)

    async def known(self) -> dict[str, str]:
        found = await self.line.cmd("HGETALL", KEEP.key)
        return {found[i].decode(): found[i + 1].decode() for i in range(0, len(found), 2)}


def _ignore(channel: str, data: bytes) -> None:
    """Nobody publishes here."""


async def _nothing() -> None:
    """There is nothing to look up."""


def on_two_edges(broker: Broker, test: Callable[[Edge, Edge], Awaitable[None]]) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await clock.measure(line)
            one, other = Edge(line, clock, "e-one"), Edge(line, clock, "e-other")
            await one.live(broker.url)
            await other.live(broker.url)
            try:
                await test(one, other)
            finally:
                await one.ear.close()
                await other.ear.close()

    run(main)


async def end(line: RedisLine, call: ToolCall, *, ago_ms: int = 0) -> None:
    """The call is over, for so long."""
    jid = keys.job_id(GROUP, call.call_id)
    await line.cmd("SET", keys.final(jid), "the end", "PX", LIMITS.result_ttl_ms - ago_ms)
    await line.cmd("DEL", keys.job(jid))


def test_a_call_that_lost_its_client_is_joined_at_any_edge_and_only_once_at_a_time(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again, third = one.make(), other.make(), one.make()
        assert await one.send(call) == call.call_id
        assert await one.leave(call) is False
        assert await other.send(again) == call.call_id
        assert await one.line.cmd("ZCARD", WRITE_QUEUE) == 1, "nothing new was put on the queue"
        assert await one.send(third) == third.call_id, "the second sending waits for it now"

    on_two_edges(broker, test)


def test_a_joining_whose_answer_got_lost_is_joined_again_when_it_is_repeated(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        await one.leave(call)
        assert await other.send(again) == call.call_id
        assert await other.send(again) == call.call_id

    on_two_edges(broker, test)


def test_a_call_whose_edge_is_gone_is_joined(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call = one.make()
        await one.send(call)
        await one.grow_deaf()
        await one.fall_silent()
        assert await other.send(other.make()) == call.call_id

    on_two_edges(broker, test)


@pytest.mark.parametrize("sign", ["silent", "deaf"])
def test_one_sign_that_an_edge_is_gone_is_believed_only_at_a_second_look(broker: Broker, sign: str) -> None:
    """A killed edge is deaf at once, and silent seconds later; one that was cut off is there again at the second look."""

    async def test(one: Edge, other: Edge) -> None:
        call = one.make()
        await one.send(call)
        await (one.fall_silent() if sign == "silent" else one.grow_deaf())
        with pytest.raises(StillWaited):
            await other.send(other.make())
        assert await other.send(other.make(), gone=1) == call.call_id

    on_two_edges(broker, test)


def test_right_after_a_connect_to_the_broker_no_sign_is_believed(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call = one.make()
        await one.send(call)
        await one.grow_deaf()
        await one.fall_silent()
        with pytest.raises(StillWaited):
            await other.send(other.make(), gone=3)

    on_two_edges(broker, test)


def test_an_edge_never_counts_as_gone_to_itself(broker: Broker) -> None:
    """It may just have been stopped for longer than its sign of life counts."""

    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), one.make()
        await one.send(call)
        await one.fall_silent()
        assert await one.send(again) == again.call_id

    on_two_edges(broker, test)


def test_a_call_whose_end_is_just_being_delivered_is_looked_at_again(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        await end(one.line, call)
        with pytest.raises(StillWaited):
            await other.send(again)
        assert await other.send(again, gone=1) == again.call_id

    on_two_edges(broker, test)


def test_identical_calls_that_are_both_waited_for_stay_two(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, intended = one.make(), other.make()
        assert await one.send(call) == call.call_id
        assert await other.send(intended) == intended.call_id
        assert await one.line.cmd("ZCARD", WRITE_QUEUE) == 2

    on_two_edges(broker, test)


def test_of_two_identical_calls_that_both_lost_their_clients_each_repetition_joins_another_one(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        first, second = one.make(), one.make()
        await one.send(first)
        await one.send(second)
        await one.leave(first)
        await one.leave(second)
        joined = {await other.send(other.make()), await other.send(other.make())}
        assert joined == {first.call_id, second.call_id}

    on_two_edges(broker, test)


def test_a_call_whose_outcome_was_delivered_is_not_joined(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        await end(one.line, call)
        await one.line.cmd("HDEL", KEEP.key, keys.job_id(GROUP, call.call_id))
        assert await other.send(again) == again.call_id

    on_two_edges(broker, test)


@pytest.mark.parametrize("ago_ms", [29_000, 31_000])
def test_a_call_that_is_over_is_joined_within_the_window_and_not_after_it(broker: Broker, ago_ms: int) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        await end(one.line, call, ago_ms=ago_ms)
        await one.leave(call)
        expected = call if ago_ms < LIMITS.reattach_ms else again
        assert await other.send(again) == expected.call_id

    on_two_edges(broker, test)


def test_a_call_of_which_nothing_is_left_is_not_joined(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        await one.leave(call)
        await one.line.cmd("DEL", keys.job(keys.job_id(GROUP, call.call_id)))
        assert await other.send(again) == again.call_id

    on_two_edges(broker, test)


def test_a_twin_that_has_run_for_a_while_and_is_waited_for_is_looked_at_twice(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        jid = keys.job_id(GROUP, call.call_id)
        await one.line.cmd("HSET", KEEP.key, jid, f"w:{one.name}:{one.clock.now_ms() - 5_000}:")
        with pytest.raises(StillWaited):
            await other.send(again)
        assert await other.send(again, gone=1) == again.call_id

    on_two_edges(broker, test)


def test_a_sign_of_life_since_it_was_asked_says_that_the_twin_is_waited_for(broker: Broker) -> None:
    """An edge that gives a sign has told before of the clients that left it."""

    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        jid = keys.job_id(GROUP, call.call_id)
        await one.line.cmd("HSET", KEEP.key, jid, f"w:{one.name}:{one.clock.now_ms() - 5_000}:")
        await one.give_a_sign()
        with pytest.raises(StillWaited):
            await other.send(again)
        assert await other.send(again, ago_ms=1_000) == again.call_id

    on_two_edges(broker, test)


def test_a_read_finds_a_lost_one_and_is_itself_only_found_when_that_was_noted(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call = one.make("read")
        await one.send(call, LOOK)
        assert await one.known() == {}
        await one.leave(call)
        assert await other.send(other.make("read"), LOOK) == call.call_id

    on_two_edges(broker, test)


def test_what_was_not_started_is_dropped_when_its_client_cancels_by_leaving(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call, again = one.make(), other.make()
        await one.send(call)
        assert await one.leave(call, drop=True) is True
        assert await one.known() == {}
        assert await claim(one.line, WRITE_QUEUE, 10, sweep=True) == []
        assert await one.line.cmd("XLEN", keys.AUDIT_STREAM) == 1
        assert await other.send(again) == again.call_id

    on_two_edges(broker, test)


@pytest.mark.parametrize("why", ["its worker died with it", "the broker was restarted"])
def test_a_write_that_may_have_been_sent_is_not_dropped(broker: Broker, why: str) -> None:
    """It has no lease, and looks as if it had not been started."""

    async def test(one: Edge, other: Edge) -> None:
        call = one.make()
        await one.send(call)
        if why == "its worker died with it":
            await one.line.cmd("SET", keys.dispatched(keys.job_id(GROUP, call.call_id)), "w-1:1")
        else:
            call = msgspec.structs.replace(call, epoch="of a server before")
        assert await one.leave(call, drop=True) is False
        assert await other.send(other.make()) == call.call_id
        await other.leave(call)
        assert await one.cancel(call, only_lost=False) is False
        assert await one.line.cmd("ZCARD", WRITE_QUEUE) == 1

    on_two_edges(broker, test)


@pytest.mark.parametrize("state", ["lost", "joined again", "a write that was sent"])
def test_only_what_nobody_waits_for_is_cancelled_later(
    broker: Broker, state: Literal["lost", "joined again", "a write that was sent"]
) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call = one.make("read")
        jid = keys.job_id(GROUP, call.call_id)
        heard: list[bytes] = []
        await one.send(call, LOOK)
        await claim(one.line, READ_QUEUE, 1)
        await one.leave(call, drop=True)
        if state == "joined again":
            await other.send(other.make("read"), LOOK)
        if state == "a write that was sent":
            await one.line.cmd("SET", keys.dispatched(jid), "w-1:1")
        async with listening(broker, heard):
            assert await one.cancel(call, only_lost=True) is False
            await one.line.cmd("PUBLISH", keys.control_channel(GROUP), "the end")
            await wait_for(lambda: b"the end" in heard)
        assert len(heard) == (2 if state == "lost" else 1)
        assert (jid in await one.known()) == (state != "lost")

    on_two_edges(broker, test)


@asynccontextmanager
async def listening(broker: Broker, heard: list[bytes]) -> AsyncIterator[None]:
    """What goes over the control channel."""
    channel = keys.control_channel(GROUP)
    subscription = Subscription(broker.url, [channel], lambda _, data: heard.append(data), _nothing, timeout_s=5)
    await subscription.open()
    try:
        yield
    finally:
        await subscription.close()


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def own(arguments: str = "arguments") -> Same:
    return Same(keys.reattach("somebody", "own-key"), "own", arguments)


def test_calls_with_the_same_key_of_the_clients_own_are_one_also_in_parallel_and_afterwards(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        call = one.make()
        assert await one.send(call, own()) == call.call_id
        assert await other.send(other.make(), own()) == call.call_id
        await end(one.line, call, ago_ms=29_000)
        assert await other.send(other.make(), own()) == call.call_id
        await end(one.line, call, ago_ms=31_000)
        anew = other.make()
        assert await other.send(anew, own()) == anew.call_id

    on_two_edges(broker, test)


def test_a_key_of_the_clients_own_with_other_arguments_is_refused(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        await one.send(one.make(), own())
        with pytest.raises(InvalidParams, match="other arguments"):
            await other.send(other.make(), own("others"))
        assert await one.line.cmd("ZCARD", WRITE_QUEUE) == 1

    on_two_edges(broker, test)


def test_what_is_known_of_same_calls_ends_by_itself(broker: Broker) -> None:
    async def test(one: Edge, other: Edge) -> None:
        await one.send(one.make())
        assert 0 < await one.line.cmd("PTTL", KEEP.key) <= 60_000 + 5_000 + LIMITS.result_ttl_ms

    on_two_edges(broker, test)
