"""What further calls mean for the call that makes them: when it is marked, run again, ended, and what they become then."""

import asyncio

import msgspec

from shared import keys
from shared.errors import MeshError
from shared.messages import Cancel, ToolCall, ToolResult
from tests.contract.hop import GROUP, open_line, run
from tests.contract.inner_edge import Edge, call_once, hearing_cancels, inner_of, scene, send
from tests.contract.loop_worker import Caller, LoopWorker, loop_worker, until
from tests.contract.mishaps import records
from tests.mesh import Broker
from workers.backends.backend import Invocation


def test_a_call_is_marked_once_before_the_first_that_is_no_read_and_asks_again(broker: Broker) -> None:
    async def call_two(invocation: Invocation) -> bytes:
        inner = inner_of(invocation)
        both = await asyncio.gather(inner.call("up_change", b"{}"), inner.call("up_change", b"{}"))
        third = await inner.call("up_change", b"{}")
        return msgspec.json.encode([answer.code for answer in (*both, third)])

    async def main() -> None:
        async with scene(broker, call_two) as (worker, caller, edge):
            call = await send(caller)
            mark = keys.dispatched(keys.job_id(GROUP, call.call_id))
            first, second = await edge.take(), await edge.take()
            assert {first.committed, second.committed} == {False}
            assert not await worker.line.cmd("EXISTS", mark)
            for request in (first, second):
                await edge.answer(request, b"", code="not_committed")
                again = await edge.take()
                assert (again.ordinal, again.committed) == (request.ordinal, True)
                assert await worker.line.cmd("EXISTS", mark)
                await edge.answer(again)
            third = await edge.take()
            assert (third.ordinal, third.committed) == (3, True)
            await edge.answer(third)
            final = await caller.final(call)
            assert isinstance(final, ToolResult)
            assert msgspec.json.decode(final.body) == ["", "", ""]
            assert [r.phase for r in await records(worker.line)] == ["intent", "outcome"]

    run(main)


def test_a_read_only_parent_is_run_again_when_its_worker_dies_and_asks_for_the_same(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            caller, edge = Caller(line), Edge(line)
            async with hearing_cancels(broker, edge):
                async with loop_worker(broker, line, call_once, inner_quiet_s=60.0) as first:
                    call = await send(caller)
                    asked = await edge.take()
                    await first.abandon()
                async with loop_worker(broker, line, call_once, "w-1", inner_quiet_s=60.0):
                    again = await edge.take()
                    assert (again.parent, again.ordinal, again.tool) == (asked.parent, asked.ordinal, asked.tool)
                    await edge.answer(again)
                    assert (await caller.result(call))["code"] == ""

    run(main)


def test_a_parent_that_has_changed_something_is_not_run_again(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            caller, edge = Caller(line), Edge(line)
            async with loop_worker(broker, line, call_once, inner_quiet_s=60.0) as first:
                call = await send(caller)
                await edge.answer(await edge.take(), b"", code="not_committed")
                assert (await edge.take()).committed
                await first.abandon()
            async with loop_worker(broker, line, call_once, "w-2", inner_quiet_s=60.0):
                assert await caller.failure(call) == "outcome_unknown"
                assert await edge.waiting() == 0

    run(main)


def test_what_has_no_answer_when_its_parent_is_cancelled_is_cancelled_too(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge), hearing_cancels(broker, edge):
            call = await send(caller)
            asked = await edge.take()
            await caller.tell(Cancel(call_id=call.call_id, backend=call.backend, at_ms=caller.clock.now_ms()))
            assert await caller.failure(call) == "cancelled"
            await until(lambda: edge.cancels)
            (cancel,) = edge.cancels
            assert (cancel.grant, cancel.parent, cancel.ordinals) == (call.grant, call.call_id, (asked.ordinal,))

    run(main)


def test_a_marked_parent_is_told_of_its_cancel_and_may_ask_no_more(broker: Broker) -> None:
    async def ask_until_told(invocation: Invocation) -> bytes:
        inner = inner_of(invocation)
        await inner.call("up_change", b"{}")
        why = await inner.over
        try:
            await inner.call("up_change", b"{}")
        except MeshError as error:
            return msgspec.json.encode([why.code, error.code])
        return b"[]"

    async def main() -> None:
        async with scene(broker, ask_until_told) as (_, caller, edge):
            call = await send(caller)
            await edge.answer(await edge.take(), b"", code="not_committed")
            await edge.answer(await edge.take())
            await caller.tell(Cancel(call_id=call.call_id, backend=call.backend, at_ms=caller.clock.now_ms()))
            final = await caller.final(call)
            assert isinstance(final, ToolResult)
            assert msgspec.json.decode(final.body) == ["cancelled", "cancelled"]
            assert await edge.waiting() == 0

    run(main)


def test_nothing_is_cancelled_when_all_is_answered(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge), hearing_cancels(broker, edge):
            call = await send(caller)
            await edge.answer(await edge.take())
            await caller.result(call)
            other = await send(caller)
            await edge.take()
            await caller.tell(Cancel(call_id=other.call_id, backend=other.backend, at_ms=caller.clock.now_ms()))
            await until(lambda: edge.cancels)
            assert [cancel.parent for cancel in edge.cancels] == [other.call_id]

    run(main)


async def lose(edge: Edge, worker: LoopWorker, call: ToolCall) -> None:
    """Another worker takes a call over."""
    await edge.line.cmd("SET", keys.lease(keys.job_id(GROUP, call.call_id)), "w-9:2", "PX", 60_000)
    await worker.leases.renew()


def test_a_run_that_lost_its_lease_asks_no_more_and_cancels_nothing(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (worker, caller, edge), hearing_cancels(broker, edge):
            call = await send(caller)
            await edge.take()
            await lose(edge, worker, call)
            await until(lambda: not worker.asking.open)
            while await edge.waiting():  # asked in the last moment before
                await edge.take()
            other = await send(caller)
            await edge.answer(await edge.take())
            await caller.result(other)
            assert edge.cancels == []

    run(main)


def test_a_marked_run_that_lost_its_lease_is_told_and_asks_no_more(broker: Broker) -> None:
    ends: list[str] = []

    async def write_and_go_on(invocation: Invocation) -> bytes:
        inner = inner_of(invocation)
        await inner.call("up_change", b"{}")
        going_on.set()
        await lost.wait()
        try:
            await inner.call("up_change", b"{}")
        except MeshError as error:
            ends.append(error.code)
            assert (await inner.over).code == error.code
            raise
        return b"{}"

    going_on, lost = asyncio.Event(), asyncio.Event()

    async def main() -> None:
        async with scene(broker, write_and_go_on) as (worker, caller, edge):
            call = await send(caller)
            await edge.answer(await edge.take(), b"", code="not_committed")
            await edge.answer(await edge.take())
            await going_on.wait()
            await lose(edge, worker, call)
            lost.set()
            await until(lambda: ends)
            assert ends == ["outcome_unknown"]
            assert await edge.waiting() == 0

    run(main)
