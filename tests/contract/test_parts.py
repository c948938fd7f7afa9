"""Parts of queues: a call whose owner's upstream session a worker holds is that worker's, until it is gone."""

import math
from typing import Any

from shared import keys
from shared.clock import BrokerClock
from shared.codec import unframe
from shared.functions import fcall
from shared.identity import share_of
from shared.line import RedisLine
from shared.messages import ToolCall
from shared.queue import cancel
from tests.contract.hop import BACKEND, GROUP, READ_QUEUE, RING, claim, make_call, open_line, put, run
from tests.contract.loop_worker import eventually
from tests.mesh import Broker
from workers.claimed import Claimed

OWNER = "someone"


async def live(line: RedisLine, worker: str) -> None:
    """A heartbeat, as far as queues look at it."""
    await line.cmd("SET", keys.heartbeat(GROUP, worker), b"beat", "PX", 60_000)


async def dead(line: RedisLine, worker: str) -> None:
    await line.cmd("DEL", keys.heartbeat(GROUP, worker))


async def hold(line: RedisLine, job: Claimed, call: ToolCall, worker: str, *, hold_ms: int = 60_000) -> int:
    """What a worker does with a claimed job that has an owner."""
    names = (keys.holder(GROUP, BACKEND, OWNER), keys.holders(GROUP, BACKEND, OWNER), keys.lease(job.job_id), job.queue)
    share = share_of(call.principal)
    return int(await fcall(line, "hold", names, worker, hold_ms, 60_000, job.job_id, job.owner, share, 60_000, 60_000))


async def held(line: RedisLine, clock: BrokerClock, worker: str) -> tuple[ToolCall, Claimed]:
    """A call that a worker runs, by which it came to hold the owner."""
    await live(line, worker)
    call = make_call(clock, owner=OWNER)
    await put(line, clock, call)
    (job,) = await claim(line, READ_QUEUE, 1, worker=worker)
    assert await hold(line, job, call, worker) in (2, 3)
    return call, job


def test_a_call_of_a_held_owner_waits_for_its_holder_alone_and_others_for_anybody(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await held(line, clock, "w-1")
            own = await put(line, clock, make_call(clock, owner=OWNER))
            other = await put(line, clock, make_call(clock, owner="other"))
            plain = await put(line, clock, make_call(clock, subject="plain"))
            anybodys = await claim(line, READ_QUEUE, 9, worker="w-2")
            assert {job.job_id for job in anybodys} == {other, plain}
            part = keys.part(READ_QUEUE, "w-1")
            assert await line.cmd("LLEN", f"{part}:bell") == 1
            assert [job.job_id for job in await claim(line, part, 9, worker="w-1")] == [own]

    run(main)


def test_the_first_holder_is_told_from_a_later_one(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await live(line, "w-1")
            first = make_call(clock, owner=OWNER)
            await put(line, clock, first)
            (job,) = await claim(line, READ_QUEUE, 1)
            assert await hold(line, job, first, "w-1") == 2
            assert await hold(line, job, first, "w-1") == 1
            await dead(line, "w-1")
            await live(line, "w-2")
            second = make_call(clock, owner=OWNER)
            await put(line, clock, second)
            (job,) = await claim(line, READ_QUEUE, 1, worker="w-2")
            assert await hold(line, job, second, "w-2") == 3

    run(main)


def test_a_job_that_another_worker_has_to_run_is_moved_there_unexecuted_and_fenced(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            early = make_call(clock, owner=OWNER)  # enqueued while nobody held the owner
            jid = await put(line, clock, early)
            (job,) = await claim(line, READ_QUEUE, 1, worker="w-2")
            await held(line, clock, "w-1")
            assert await hold(line, job, early, "w-2") == 0
            assert await hold(line, job, early, "w-2") == -1, "the lease went with the job"
            assert await line.cmd("ZCARD", READ_QUEUE) == 1, "only what w-1 runs"
            (moved,) = await claim(line, keys.part(READ_QUEUE, "w-1"), 9, worker="w-1")
            assert (moved.job_id, moved.fence) == (jid, 2)

    run(main)


def test_what_a_dead_worker_left_in_its_part_comes_back_waiting_at_once_and_running_when_its_lease_is_over(
    broker: Broker,
) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await held(line, clock, "w-1")
            part = keys.part(READ_QUEUE, "w-1")
            running = await put(line, clock, make_call(clock, owner=OWNER))
            await claim(line, part, 1, worker="w-1", lease_ms=400)
            waiting = {await put(line, clock, make_call(clock, owner=OWNER, subject=f"u{n % 2}")) for n in range(5)}
            assert await claim(line, READ_QUEUE, 9, worker="w-2", sweep=True) == [], "it lives"
            await dead(line, "w-1")
            assert {j.job_id for j in await claim(line, READ_QUEUE, 9, worker="w-2", sweep=True)} == waiting
            assert await line.cmd("SMEMBERS", keys.parts(READ_QUEUE)) == [b"w-1"]
            again = await eventually(lambda: claim(line, READ_QUEUE, 9, worker="w-2", sweep=True))
            assert [(j.job_id, j.fence) for j in again] == [(running, 2)]
            assert await line.cmd("KEYS", f"{part}*") == []
            assert await line.cmd("EXISTS", keys.parts(READ_QUEUE)) == 0

    run(main)


def test_a_job_in_a_dead_workers_part_stays_there_while_its_lease_stands_whatever_its_score_says(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await held(line, clock, "w-1")
            part = keys.part(READ_QUEUE, "w-1")
            jid = await put(line, clock, make_call(clock, owner=OWNER))
            await claim(line, part, 1, worker="w-1")
            await line.cmd("ZADD", part, 0, jid)
            await dead(line, "w-1")
            assert await claim(line, READ_QUEUE, 9, worker="w-2", sweep=True) == []
            assert await line.cmd("ZSCORE", READ_QUEUE, jid) is None

    run(main)


def test_more_jobs_than_one_sweep_takes_come_back_over_several(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await held(line, clock, "w-1")
            waiting = {await put(line, clock, make_call(clock, owner=OWNER)) for _ in range(600)}
            await dead(line, "w-1")
            back: set[str] = set()
            for _ in range(math.ceil(600 / 256) + 1):
                back |= {j.job_id for j in await claim(line, READ_QUEUE, 999, worker="w-2", sweep=True)}
            assert back == waiting

    run(main)


def test_a_call_for_a_worker_that_is_gone_goes_to_anybody(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await held(line, clock, "w-1")
            await dead(line, "w-1")
            owned = await put(line, clock, make_call(clock, owner=OWNER))
            parked = await put(line, clock, make_call(clock, queue=keys.part(READ_QUEUE, "w-1"), parked="p"))
            assert {j.job_id for j in await claim(line, READ_QUEUE, 9, worker="w-2")} == {owned, parked}

    run(main)


def test_a_call_that_waits_in_a_part_is_cancelled_by_who_knows_only_its_queue(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            await held(line, clock, "w-1")
            call = make_call(clock, owner=OWNER)
            await put(line, clock, call)
            assert await cancel(line, RING, GROUP, call, clock.now_ms(), role="e-test")
            part = keys.part(READ_QUEUE, "w-1")
            assert await claim(line, part, 9, worker="w-1") == []
            assert await line.cmd("EXISTS", part) == 0

    run(main)


def test_every_key_of_a_part_has_an_end(broker: Broker) -> None:
    async def main() -> None:
        clock = BrokerClock()
        async with open_line(broker) as line:
            early = make_call(clock, owner=OWNER)
            await put(line, clock, early)
            (job,) = await claim(line, READ_QUEUE, 1, worker="w-2")
            await held(line, clock, "w-1")
            await hold(line, job, early, "w-2")
            await put(line, clock, make_call(clock, owner=OWNER))
            assert [k for k in await line.cmd("KEYS", "*") if await line.cmd("PTTL", k) < 0] == []

    run(main)


def test_a_workers_own_leases_are_taken_when_free_renewed_while_its_own_and_let_go_by_it_alone(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            assert await fcall(line, "keep", ("a", "b"), "w-1", 60_000) == [1, 1]
            assert await fcall(line, "keep", ("a", "b", "c"), "w-2", 60_000) == [0, 0, 1]
            await line.cmd("PEXPIRE", "a", 1_000)
            assert await fcall(line, "keep", ("a", "c"), "w-1", 60_000) == [1, 0]
            assert await line.cmd("PTTL", "a") > 1_000
            await fcall(line, "yield", ("a", "c"), "w-1")
            assert await fcall(line, "keep", ("a", "b", "c"), "w-2", 60_000) == [1, 0, 1]

    run(main)


def test_a_change_is_kept_and_told_with_its_place_in_the_stream(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            with broker.client() as client, client.pubsub() as channel:
                channel.subscribe(keys.CHANGES)
                channel.get_message(timeout=5)
                message = b"m" * 70_000
                place: Any = await fcall(line, "change", (keys.changes(GROUP),), message, keys.CHANGES, 10, 60_000)
                told = channel.get_message(timeout=5)
                assert unframe(told["data"]) == [place, message]
            assert await line.cmd("XRANGE", keys.changes(GROUP), "-", "+") == [[place, [b"e", message]]]

    run(main)
