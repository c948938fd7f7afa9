"""A lease is lost to another run only: until one took the job over, its holder takes it up again (on a real broker)."""

from collections.abc import Awaitable, Callable

import pytest

from shared import keys
from shared.clock import BrokerClock
from shared.line import RedisLine
from tests.contract.hop import (
    GROUP,
    WRITE_QUEUE,
    claim,
    dispatch,
    finish,
    lapse,
    make_call,
    open_line,
    put,
    release,
    renew,
    run,
    withdraw,
)
from tests.mesh import Broker
from workers.claimed import Claimed

ACTS: dict[str, Callable[[RedisLine, Claimed], Awaitable[int]]] = {
    "renew": renew,
    "dispatch": dispatch,
    "withdraw": withdraw,
    "release": release,
    "finish": finish,
}


async def held(line: RedisLine) -> Claimed:
    """A write that was claimed, and whose lease ran out."""
    clock = BrokerClock()
    await put(line, clock, make_call(clock, access="write"))
    (claimed,) = await claim(line, WRITE_QUEUE, 1)
    await lapse(line, claimed)
    return claimed


async def another_holds(line: RedisLine, lost: Claimed) -> None:
    await claim(line, WRITE_QUEUE, 1, worker="w-2", sweep=True)


async def another_ended(line: RedisLine, lost: Claimed) -> None:
    (successor,) = await claim(line, WRITE_QUEUE, 1, worker="w-2", sweep=True)
    assert await finish(line, successor, b"its end") == 1


async def another_sent(line: RedisLine, lost: Claimed) -> None:
    (successor,) = await claim(line, WRITE_QUEUE, 1, worker="w-2", sweep=True)
    assert await dispatch(line, successor) == 1
    await lapse(line, successor)


@pytest.mark.parametrize("act", ACTS)
def test_a_lease_that_ran_out_and_that_nobody_took_costs_nothing(broker: Broker, act: str) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            assert await ACTS[act](line, claimed) == 1

    run(main)


@pytest.mark.parametrize("happened", [another_holds, another_ended, another_sent])
@pytest.mark.parametrize("act", ACTS)
def test_a_run_whose_job_another_took_over_neither_acts_nor_answers(
    broker: Broker, act: str, happened: Callable[[RedisLine, Claimed], Awaitable[None]]
) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            await happened(line, claimed)
            names = [keys.lease(claimed.job_id), keys.final(claimed.job_id), keys.dispatched(claimed.job_id)]
            before = await line.cmd("MGET", *names)
            assert await ACTS[act](line, claimed) == 0
            assert await line.cmd("MGET", *names) == before

    run(main)


def test_what_is_taken_up_again_is_held_marked_and_given_to_nobody_else(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            assert await dispatch(line, claimed) == 1
            assert await line.cmd("GET", keys.lease(claimed.job_id)) == claimed.owner.encode()
            assert await line.cmd("GET", keys.dispatched(claimed.job_id)) == claimed.owner.encode()
            assert await claim(line, WRITE_QUEUE, 1, worker="w-2", sweep=True) == []

    run(main)


def test_the_end_of_a_call_is_published_by_a_broker_that_came_back_empty(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            assert await dispatch(line, claimed) == 1
            await line.cmd("FLUSHALL")
            assert await renew(line, claimed) == 1
            assert await finish(line, claimed, b"the end") == 1
            assert await line.cmd("GET", keys.final(claimed.job_id)) == b"the end"

    run(main)


def test_nothing_is_sent_whose_time_is_over_by_the_brokers_clock(broker: Broker) -> None:
    """Even where all that would tell that another run sent it was forgotten since."""

    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            assert await dispatch(line, claimed, in_time=False) == -1
            assert await line.cmd("EXISTS", keys.dispatched(claimed.job_id), keys.AUDIT_STREAM) == 0

    run(main)


def test_the_end_of_a_call_that_is_sent_again_because_the_answer_got_lost_was_ours(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            assert [await finish(line, claimed, b"ours") for _ in range(2)] == [1, 1]
            assert await finish(line, claimed, b"another") == 0
            assert await line.cmd("XLEN", keys.AUDIT_STREAM) == 1

    run(main)


def test_a_job_that_is_given_back_takes_its_mark_with_it_and_is_not_counted_as_a_loss(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            claimed = await held(line)
            assert await dispatch(line, claimed) == 1
            assert await release(line, claimed) == 1
            (again,) = await claim(line, WRITE_QUEUE, 1, worker="w-2", sweep=True)
            assert (again.mark, again.fence, again.returned, again.losses) == ("", 2, 1, 0)
            await lapse(line, again)
            (third,) = await claim(line, WRITE_QUEUE, 1, worker="w-3", sweep=True)
            assert (third.fence, third.returned, third.losses) == (3, 1, 1)

    run(main)


def test_dead_letters_are_kept_as_they_were_are_bounded_and_have_an_end(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await line.cmd("ZADD", keys.dead_letters(GROUP), 1, "default.forgotten")
            kept: list[str] = []
            for _ in range(3):
                await put(line, clock, make_call(clock, access="write"))
                (claimed,) = await claim(line, WRITE_QUEUE, 1)
                assert await finish(line, claimed, b"end", 60_000, 2) == 1
                assert await line.cmd("GET", keys.dead_letter(claimed.job_id)) == claimed.payload
                kept.append(claimed.job_id)
                listed = await line.cmd("ZRANGE", keys.dead_letters(GROUP), 0, -1)
                assert listed == [jid.encode() for jid in kept[-2:]]
            assert await line.cmd("EXISTS", keys.dead_letter(kept[0])) == 0
            for name in (keys.dead_letters(GROUP), keys.dead_letter(kept[2])):
                assert 0 < await line.cmd("PTTL", name) <= 60_000

    run(main)
