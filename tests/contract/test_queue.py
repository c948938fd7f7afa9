"""The queue's promises, on a real broker."""

import asyncio

import pytest
from arq.connections import RedisSettings, create_pool
from arq.jobs import Job, JobStatus

from shared import keys
from shared.clock import BrokerClock
from shared.codec import unpack
from shared.errors import PrincipalBusy, QueueFull
from shared.queue import Limits, LongUnderWay, Same, cancel, enqueue
from tests.contract.hop import (
    GROUP,
    READ_QUEUE,
    RING,
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
)
from tests.mesh import Broker
from workers.claimed import Claimed


def test_a_call_is_claimed_once_and_with_a_lease(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            jid = await put(line, clock, make_call(clock))
            first = await claim(line, READ_QUEUE, 10)
            assert [(c.job_id, c.fence, c.owner) for c in first] == [(jid, 1, "w-1:1")]
            assert await claim(line, READ_QUEUE, 10, worker="w-2") == []
            assert await claim(line, READ_QUEUE, 10, worker="w-2", sweep=True) == []
            assert await line.cmd("GET", keys.lease(jid)) == b"w-1:1"

    run(main)


def test_the_same_call_enqueued_again_stays_one_call(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            call = make_call(clock)
            await put(line, clock, call)
            await put(line, clock, call)
            assert len(await claim(line, READ_QUEUE, 10)) == 1

    run(main)


def test_a_write_that_was_long_under_way_is_not_queued_before_somebody_looked_whether_its_client_is_there(
    broker: Broker,
) -> None:
    async def main() -> None:
        clock, limits = BrokerClock(), Limits(100, 100)
        keep = Same("tm:reattach:somebody:something", "keep")
        async with open_line(broker) as line:
            await clock.measure(line)
            call, now_ms = make_call(clock, access="write"), clock.now_ms()
            with pytest.raises(LongUnderWay):
                await enqueue(line, RING, GROUP, call, now_ms, limits, keep, sent_ms=now_ms - 1500)
            assert await line.cmd("ZCARD", WRITE_QUEUE) == 0
            assert await enqueue(line, RING, GROUP, call, now_ms, limits, keep, sent_ms=now_ms - 200) == call.call_id

    run(main)


def test_principals_take_turns_however_much_one_of_them_has_waiting(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            greedy = [await put(line, clock, make_call(clock, subject="greedy")) for _ in range(50)]
            modest = [await put(line, clock, make_call(clock, subject="modest")) for _ in range(2)]
            first_four = [c.job_id for c in await claim(line, READ_QUEUE, 4)]
            assert first_four == [greedy[0], modest[0], greedy[1], modest[1]]

    run(main)


def test_a_full_queue_and_a_busy_principal_are_refused_and_leave_nothing_behind(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await put(line, clock, make_call(clock), Limits(2, 10))
            await put(line, clock, make_call(clock), Limits(2, 10))
            with pytest.raises(QueueFull) as full:
                await put(line, clock, make_call(clock), Limits(2, 10))
            assert full.value.retry_after_s == 1
            with pytest.raises(PrincipalBusy):
                await put(line, clock, make_call(clock), Limits(10, 2))
            await put(line, clock, make_call(clock, subject="another"), Limits(10, 2))
            assert await line.cmd("ZCARD", READ_QUEUE) == 3

    run(main)


def test_an_expired_lease_is_taken_over_with_a_higher_fence_and_fences_the_first_owner_out(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await put(line, clock, make_call(clock))
            (dead,) = await claim(line, READ_QUEUE, 1, lease_ms=1)
            successor: list[Claimed] = []
            while not successor:
                successor = await claim(line, READ_QUEUE, 1, worker="w-2", sweep=True)
            assert (successor[0].fence, successor[0].losses) == (2, 1)
            assert await renew(line, dead) == 0
            assert await release(line, dead) == 0
            assert await dispatch(line, dead) == 0
            assert await dispatch(line, successor[0]) == 1
            assert await finish(line, dead) == 0
            assert await line.cmd("XLEN", keys.AUDIT_STREAM) == 1

    run(main)


def test_a_write_that_was_dispatched_before_its_worker_died_says_so_to_the_next(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await put(line, clock, make_call(clock, access="write"))
            (dead,) = await claim(line, WRITE_QUEUE, 1)
            assert await dispatch(line, dead) == 1
            await lapse(line, dead)
            (again,) = await claim(line, WRITE_QUEUE, 1, worker="w-2", sweep=True)
            assert again.mark == dead.owner

    run(main)


def test_a_lost_doorbell_token_costs_a_sweep_and_no_call(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            jid = await put(line, clock, make_call(clock))
            assert await line.cmd("LPOP", f"{READ_QUEUE}:bell") == b"1"  # its taker dies here
            assert [c.job_id for c in await claim(line, READ_QUEUE, 5, sweep=True)] == [jid]

    run(main)


def test_the_bell_rings_again_while_something_waits_and_holds_one_token(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            for _ in range(5):
                await put(line, clock, make_call(clock))
            assert await line.cmd("LLEN", f"{READ_QUEUE}:bell") == 1
            await line.cmd("LPOP", f"{READ_QUEUE}:bell")
            assert len(await claim(line, READ_QUEUE, 3)) == 3
            assert await line.cmd("LLEN", f"{READ_QUEUE}:bell") == 1
            await line.cmd("LPOP", f"{READ_QUEUE}:bell")
            assert len(await claim(line, READ_QUEUE, 3)) == 2
            assert await line.cmd("LLEN", f"{READ_QUEUE}:bell") == 0

    run(main)


def test_cancel_drops_what_waits_tells_the_worker_of_what_runs_and_leaves_what_is_over(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            waiting, running = make_call(clock), make_call(clock, subject="another")
            await put(line, clock, waiting)
            assert await cancel(line, RING, GROUP, waiting, clock.now_ms(), role="e-test")
            assert await claim(line, READ_QUEUE, 5) == []
            jid = await put(line, clock, running)
            await claim(line, READ_QUEUE, 5)
            with broker.client() as client, client.pubsub() as channel:
                channel.subscribe(keys.control_channel(GROUP))
                channel.get_message(timeout=5)
                assert not await cancel(line, RING, GROUP, running, clock.now_ms(), role="e-test")
                assert channel.get_message(timeout=5)["type"] == "message"
            await line.cmd("SET", keys.final(jid), b"over", "PX", 1000)
            assert not await cancel(line, RING, GROUP, running, clock.now_ms(), role="e-test")

    run(main)


def test_arqs_own_tools_read_the_queue_and_nothing_in_it_is_a_pickle(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with (
            open_line(broker) as line,
            await create_pool(RedisSettings.from_dsn(broker.url), job_deserializer=unpack) as arq,
        ):
            jid = await put(line, clock, make_call(clock))
            (queued,) = await arq.queued_jobs(queue_name=READ_QUEUE)
            assert (queued.function, queued.job_id) == (keys.JOB_NAME, jid)
            job = Job(jid, arq, _queue_name=READ_QUEUE, _deserializer=unpack)
            assert await job.status() == JobStatus.queued
            await claim(line, READ_QUEUE, 1)
            assert await job.status() == JobStatus.in_progress
            for key in await line.cmd("KEYS", "*"):
                if await line.cmd("TYPE", key) == b"string":
                    assert not (await line.cmd("GET", key)).startswith(b"\x80")  # every pickle since protocol 2 does

    run(main)


def test_every_key_of_a_call_has_an_end(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            for access in ("read", "write"):
                await put(line, clock, make_call(clock, access=access))
            for _ in range(2):
                await put(line, clock, make_call(clock))
            await claim(line, READ_QUEUE, 1)
            (write,) = await claim(line, WRITE_QUEUE, 1)
            assert await dispatch(line, write) == 1
            (returned,) = await claim(line, READ_QUEUE, 1)
            assert await release(line, returned) == 1
            (dead,) = await claim(line, READ_QUEUE, 1)
            assert await finish(line, dead, b"end", 60_000, 10) == 1
            kept = {keys.returned(returned.job_id), keys.dead_letter(dead.job_id), keys.dead_letters(GROUP)}
            assert await line.cmd("EXISTS", *kept) == 3
            without_end = [k for k in await line.cmd("KEYS", "*") if await line.cmd("PTTL", k) < 0]
            assert without_end == [keys.AUDIT_STREAM.encode()]  # bounded by length instead

    run(main)


def test_an_expired_job_is_swept_away_without_being_run(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            jid = await put(line, clock, make_call(clock))
            await line.cmd("DEL", keys.job(jid))
            assert await claim(line, READ_QUEUE, 5) == []
            assert await line.cmd("ZCARD", READ_QUEUE) == 0

    run(main)


def test_the_broker_forgetting_its_functions_costs_one_more_round_trip(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await line.cmd("FUNCTION", "FLUSH")
            await asyncio.gather(*(put(line, clock, make_call(clock)) for _ in range(10)))
            assert len(await claim(line, READ_QUEUE, 20)) == 10

    run(main)
