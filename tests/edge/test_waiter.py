"""A waiter gives events in order, without gaps and without repeats, however they arrive."""

import asyncio
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from edge.waiter import Waiter
from shared.messages import Notice, Progress, ToolFailure, ToolResult


def progress(seq: int) -> Progress:
    return Progress(call_id="c", seq=seq, params=b"{}")


def result(seq: int) -> ToolResult:
    return ToolResult(call_id="c", backend="echo", seq=seq, body=b'{"n":%d}' % seq)


def waiter(events_max: int = 256) -> Waiter:
    return Waiter("c", "default", "echo", events_max)


def taken(waiting: Waiter) -> list[int]:
    found = []
    while (event := waiting.take()) is not None:
        found.append(event.seq)
    return found


@given(st.integers(0, 8), st.data())
def test_whatever_gets_lost_doubled_or_late_the_copy_makes_it_whole(count: int, data: st.DataObject) -> None:
    """The channel may do anything; where a gap is noticed, or at the end, the durable copy is read as the relay does."""
    waiting = waiter()
    sent: list[Progress | ToolResult] = [*(progress(seq) for seq in range(1, count + 1)), result(count + 1)]
    seen: list[int] = []
    for at in data.draw(st.lists(st.integers(0, count), max_size=30)):
        published = sent[: at + 1]  # what is on the channel is in the copy already
        if not waiting.push(sent[at]):
            for event in published:
                assert waiting.push(event)
        seen += taken(waiting)
        assert waiting.final is None or seen == list(range(1, count + 1))
    for event in sent:
        assert waiting.push(event)
    seen += taken(waiting)
    assert seen == list(range(1, count + 1))
    assert waiting.final == sent[-1]
    assert waiting.dropped == 0


@given(st.lists(st.integers(-2, 12), max_size=40), st.integers(1, 4))
def test_numbers_only_go_up_and_the_queue_stays_bounded(numbers: list[int], events_max: int) -> None:
    waiting = waiter(events_max)
    for number in numbers:
        before = waiting.seen
        took = waiting.push(progress(number))
        assert took == (number <= before + 1)
        assert waiting.seen == max(before, number if took else before)
    found = taken(waiting)
    assert len(found) <= events_max
    assert found == list(range(waiting.seen - len(found) + 1, waiting.seen + 1))
    assert waiting.dropped == waiting.seen - len(found)


def test_a_slow_reader_loses_the_oldest_progress_and_never_the_result() -> None:
    waiting = waiter(events_max=2)
    for seq in range(1, 6):
        waiting.push(progress(seq))
    waiting.push(result(6))
    assert taken(waiting) == [4, 5]
    assert waiting.dropped == 3
    assert waiting.final == result(6)


def test_of_two_ends_the_first_counts() -> None:
    waiting = waiter()
    assert waiting.push(result(1))
    assert waiting.push(ToolFailure(call_id="c", backend="echo", seq=1, code="internal", detail="late"))
    assert waiting.push(progress(1))
    assert waiting.final == result(1)
    assert taken(waiting) == []


def test_an_end_before_its_progress_waits_for_what_is_missing() -> None:
    waiting = waiter()
    assert not waiting.push(result(3))
    assert waiting.final is None
    assert waiting.push(progress(1))
    assert not waiting.push(result(3))
    waiting.skip_to(2)
    assert waiting.push(result(3))


def test_skipping_never_goes_back() -> None:
    waiting = waiter()
    waiting.push(progress(1))
    waiting.skip_to(0)
    assert waiting.seen == 1


def test_the_one_who_waits_is_woken_by_an_event_the_end_a_wake_up_and_a_client_that_leaves() -> None:
    async def main() -> None:
        nudges: list[Callable[[Waiter], object]] = [
            lambda w: w.push(progress(1)),
            lambda w: w.push(result(1)),
            lambda w: w.wake(),
            lambda w: w.leave(),
        ]
        for nudge in nudges:
            waiting = waiter()
            waits = asyncio.create_task(waiting.wait())
            await asyncio.sleep(0)
            assert not waits.done()
            nudge(waiting)
            async with asyncio.timeout(5):
                await waits

    asyncio.run(main())


def test_nobody_waits_for_what_is_there_already() -> None:
    async def main() -> None:
        preparations: list[Callable[[Waiter], object]] = [
            lambda w: w.push(progress(1)),
            lambda w: w.push(result(1)),
            lambda w: w.leave(),
        ]
        for prepare in preparations:
            waiting = waiter()
            prepare(waiting)
            async with asyncio.timeout(5):
                await waiting.wait()

    asyncio.run(main())


def test_a_wait_that_is_given_up_leaves_nothing_behind() -> None:
    async def main() -> None:
        waiting = waiter()
        waits = asyncio.create_task(waiting.wait())
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        waiting.wake()
        waiting.push(result(1))
        async with asyncio.timeout(5):
            await waiting.wait()

    asyncio.run(main())


def test_a_question_that_is_asked_again_is_put_to_the_client_once() -> None:
    waiter = Waiter("c", "default", "up", 8)
    asked = [Notice(call_id="c", seq=n, method="elicitation/create", params=b"{}", request_id="q") for n in (1, 2)]
    assert all(waiter.push(event) for event in asked)
    assert (waiter.take(), waiter.take(), waiter.seen) == (asked[0], None, 2)


def test_a_slow_reader_never_loses_a_question() -> None:
    waiter = Waiter("c", "default", "up", 2)
    question = Notice(call_id="c", seq=1, method="roots/list", params=b"{}", request_id="q")
    assert waiter.push(question)
    for seq in range(2, 6):
        assert waiter.push(Progress(call_id="c", seq=seq, params=b"{}"))
    assert waiter.take() == question
    assert (waiter.take(), waiter.dropped) == (Progress(call_id="c", seq=5, params=b"{}"), 3)
