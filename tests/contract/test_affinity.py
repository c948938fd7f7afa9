"""Owners of upstream sessions over two workers in one event loop: each has one worker at a time, and no call is lost."""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from shared import keys
from shared.errors import UpstreamUnreachable
from shared.messages import Notice, ToolCall, ToolResult
from tests.contract.hop import GROUP, open_line, run
from tests.contract.loop_worker import BACKEND, OK, Caller, Do, LoopWorker, client, loop_worker, make_entry, until
from tests.mesh import Broker
from workers.backends.backend import Invocation

ENTRY = make_entry(affinity="principal")
CROWDED: dict[str, Any] = {"backend_concurrency": 8}
OWNERS = [f"owner-{number}" for number in range(12)]


class Ran:
    """Which worker ran what."""

    def __init__(self) -> None:
        self.calls: dict[str, list[str]] = defaultdict(list)
        """Call id → workers."""
        self.workers: dict[str, list[str]] = defaultdict(list)
        """Owner → workers, in order."""
        self.gate = asyncio.Event()
        self.gate.set()

    def at(self, worker: str) -> Do:
        async def do(invocation: Invocation) -> bytes:
            await invocation.dispatch()
            self.calls[invocation.call_id].append(worker)
            self.workers[invocation.owner].append(worker)
            await asyncio.sleep(0.002)
            await self.gate.wait()
            return OK

        return do


def test_all_calls_of_an_owner_are_run_by_one_worker_and_the_owners_are_spread(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        async with (
            open_line(broker) as line,
            loop_worker(broker, line, ran.at("w-1"), "w-1", ENTRY, worker_concurrency=4),
            loop_worker(broker, line, ran.at("w-2"), "w-2", ENTRY, worker_concurrency=4),
        ):
            caller = Caller(line)
            calls = [await caller.send(owner=owner, subject=owner) for _ in range(20) for owner in OWNERS]
            for call in calls:
                await caller.result(call)
        assert all(len(runs) == 1 for runs in ran.calls.values())
        assert len(ran.calls) == len(calls)
        assert {owner: len(set(workers)) for owner, workers in ran.workers.items()} == dict.fromkeys(OWNERS, 1)

    run(main)


async def _both(stack: AsyncExitStack, broker: Broker, line: Any, ran: Ran) -> dict[str, LoopWorker]:
    return {
        name: await stack.enter_async_context(loop_worker(broker, line, ran.at(name), name, ENTRY))
        for name in ("w-1", "w-2")
    }


def test_when_a_holder_dies_its_owners_calls_running_and_waiting_are_run_by_the_other(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        async with open_line(broker) as line, AsyncExitStack() as stack:
            workers = await _both(stack, broker, line, ran)
            caller = Caller(line)
            first = [await caller.send(owner=owner, subject=owner) for owner in OWNERS]
            for call in first:
                await caller.result(call)
            victim = ran.workers[OWNERS[0]][0]
            owners = [owner for owner in OWNERS if ran.workers[owner][0] == victim]
            ran.gate.clear()
            running = [await caller.send(owner=owner, subject=owner) for owner in owners]
            await until(lambda: all(call.call_id in ran.calls for call in running))
            await workers[victim].abandon()
            waiting = [await caller.send(owner=owner, subject=owner) for owner in owners for _ in range(5)]
            ran.gate.set()
            told = [call.owner for call in running + waiting if "_meta" in await caller.result(call)]
            assert sorted(told) == sorted(owners), "each owner is told once"
            survivor = "w-2" if victim == "w-1" else "w-1"
            assert all(ran.calls[call.call_id] == [survivor] for call in waiting)
            assert all(ran.calls[call.call_id] == [victim, survivor] for call in running), "reads, taken over once"
            assert await line.cmd("KEYS", keys.part(keys.queue(GROUP, BACKEND, "read"), victim) + "*") == []

    run(main)


def test_a_dispatched_write_of_a_holder_that_dies_is_an_unknown_outcome_and_runs_once(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        ran.gate.clear()
        async with open_line(broker) as line, AsyncExitStack() as stack:
            workers = await _both(stack, broker, line, ran)
            caller = Caller(line)
            writes = [await caller.send(access="write", owner=owner, subject=owner) for owner in OWNERS]
            await until(lambda: all(call.call_id in ran.calls for call in writes))
            victim = ran.calls[writes[0].call_id][0]
            await workers[victim].abandon()
            ran.gate.set()
            ended = [(await caller.final(call), ran.calls[call.call_id]) for call in writes]
            assert all(len(runs) == 1 for _, runs in ended)
            lost = [final for final, runs in ended if runs == [victim]]
            assert lost[0] is ended[0][0]
            assert {getattr(final, "code", "ended well") for final in lost} == {"outcome_unknown"}

    run(main)


def test_a_takeover_is_told_on_the_stream_and_with_the_result_and_only_then(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        async with open_line(broker) as line, AsyncExitStack() as stack:
            workers = await _both(stack, broker, line, ran)
            caller = Caller(line)
            who = client("no", log_level="info")
            metas = []
            calls = []
            for at in range(4):
                calls.append(await caller.send(owner="one", client=who))
                metas.append((await caller.result(calls[-1])).get("_meta"))
                if at == 1:
                    await workers[ran.workers["one"][0]].abandon()
            assert metas == [None, None, {"toolmesh/upstreamSession": "renewed"}, None]
            told = [s for s in await caller.said(calls[2]) if isinstance(s, Notice)]
            assert [(n.method, msgspec.json.decode(n.params)["level"]) for n in told] == [
                ("notifications/message", "warning")
            ]

    run(main)


def test_a_session_that_the_backend_renewed_is_told_beside_what_the_backend_says(broker: Broker) -> None:
    async def renew(invocation: Invocation) -> bytes:
        invocation.renewed()
        return b'{"content":[],"_meta":{"theirs":1}}'

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, renew, entry=ENTRY):
            caller = Caller(line)
            result = await caller.result(await caller.send(owner="one"))
            assert result["_meta"] == {"theirs": 1, "toolmesh/upstreamSession": "renewed"}

    run(main)


def test_an_idle_owner_is_let_go_and_one_too_many_ends_the_longest_idle(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        async with (
            open_line(broker) as line,
            loop_worker(broker, line, ran.at("w-1"), entry=ENTRY, upstream_owners_max=2, upstream_owner_idle_s=0.5),
        ):
            caller = Caller(line)
            for owner in ("a", "b", "c"):
                await caller.result(await caller.send(owner=owner))
            names = [keys.holder(GROUP, BACKEND, owner) for owner in ("a", "b", "c")]
            assert [await line.cmd("EXISTS", name) for name in names] == [0, 1, 1]
            while await line.cmd("EXISTS", *names):
                await asyncio.sleep(0.02)

    run(main)


def test_an_owner_outlives_its_lease_while_its_worker_lives(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        async with open_line(broker) as line, loop_worker(broker, line, ran.at("w-1"), entry=ENTRY) as worker:
            caller = Caller(line)
            await caller.result(await caller.send(owner="one"))
            name = keys.holder(GROUP, BACKEND, "one")
            await line.cmd("PEXPIRE", name, 300)
            while await line.cmd("PTTL", name) <= 300:
                await asyncio.sleep(0.02)
            await worker.owners.let_go()
            assert await line.cmd("EXISTS", name) == 0

    run(main)


def test_a_takeover_whose_first_call_fails_is_told_by_the_next(broker: Broker) -> None:
    fail = True

    async def flaky(invocation: Invocation) -> bytes:
        if fail:
            raise UpstreamUnreachable("gone")
        return OK

    async def main() -> None:
        nonlocal fail
        async with open_line(broker) as line:
            caller = Caller(line)
            async with loop_worker(broker, line, Ran().at("w-1"), entry=ENTRY):
                await caller.result(await caller.send(owner="one"))
            async with loop_worker(broker, line, flaky, "w-2", ENTRY):
                assert await caller.failure(await caller.send(owner="one")) == "upstream_unreachable"
                fail = False
                told = ["_meta" in await caller.result(await caller.send(owner="one")) for _ in range(2)]
                assert told == [True, False]

    run(main)


def test_a_worker_that_is_told_to_stop_lets_its_owners_go_and_what_waits_for_it_is_run_at_once(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        slow = {"lease_s": 60.0, "lease_renew_s": 20.0, "heartbeat_ttl_s": 60.0, "drain_s": 5.0}
        async with open_line(broker) as line:
            caller = Caller(line)
            first = LoopWorker(broker, line, ran.at("w-1"), "w-1", ENTRY, backend_concurrency=1, **slow)
            await first.start()
            await caller.result(await caller.send(owner="one"))
            ran.gate.clear()
            running = await caller.send(owner="one")
            await until(lambda: running.call_id in ran.calls)
            waiting = [await caller.send(owner="one") for _ in range(3)]
            async with loop_worker(broker, line, ran.at("w-2"), "w-2", ENTRY, **slow):
                stopping = asyncio.create_task(first.stop())
                await until(lambda: all(call.call_id in ran.calls for call in waiting))
                ran.gate.set()
                await stopping
                for call in [running, *waiting]:
                    await caller.result(call)
                assert await line.cmd("GET", keys.holder(GROUP, BACKEND, "one")) == b"w-2"
        assert ran.workers["one"] == ["w-1", "w-1", "w-2", "w-2", "w-2"]

    run(main, timeout_s=20)  # far less than any lease


def test_workers_that_come_and_go_lose_no_call_and_run_no_write_twice(broker: Broker) -> None:
    async def main() -> None:
        ran = Ran()
        async with open_line(broker) as line:
            caller = Caller(line)
            workers = [LoopWorker(broker, line, ran.at(f"w-{n}"), f"w-{n}", ENTRY, **CROWDED) for n in range(3)]
            for worker in workers:
                await worker.start()
            sent: list[ToolCall] = []
            for turn in range(6):
                if turn == 0:
                    ran.gate.clear()  # so that its worker surely dies under a read
                for number in range(60):
                    owner = OWNERS[number % len(OWNERS)]
                    access = "write" if number // len(OWNERS) % 2 else "read"
                    sent.append(await caller.send(access=access, owner=owner, subject=owner))
                if turn == 0:
                    await until(lambda: any(ran.calls[call.call_id] == ["w-0"] for call in sent if call.access == "read"))
                await workers.pop(0).abandon()
                ran.gate.set()
                workers.append(LoopWorker(broker, line, ran.at(f"w-{turn + 3}"), f"w-{turn + 3}", ENTRY, **CROWDED))
                await workers[-1].start()
            ends = {call.call_id: await caller.final(call) for call in sent}
            for call in sent:
                end = ends[call.call_id]
                if call.access == "write":
                    assert len(ran.calls[call.call_id]) <= 1
                    assert isinstance(end, ToolResult) or end.code == "outcome_unknown"
                else:
                    assert isinstance(end, ToolResult)
            assert any(len(runs) > 1 for runs in ran.calls.values()), "some were taken over in mid-run"
            for worker in workers:
                await worker.stop()
            left = await line.cmd("KEYS", "arq:*")
            assert [key for key in left if not key.endswith((b":health-check", b":parts"))] == []

    run(main)
