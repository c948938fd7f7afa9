"""A running call asks edges for further calls: each is made once, whatever is lost on the way."""

import asyncio
from pathlib import Path

import msgspec

from shared import keys
from shared.inner import InnerResult, InnerSign
from shared.messages import Cancel, ToolResult
from tests.contract.hop import GROUP, run
from tests.contract.inner_edge import QUIET, call_once, inner_of, scene, send
from tests.contract.loop_worker import until
from tests.contract.mishaps import killed, lease_of, own_broker
from tests.mesh import Broker
from workers.backends.backend import Invocation


def test_a_call_asks_with_what_its_edge_gave_it_and_gets_the_answer(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge):
            call = await send(caller)
            asked = await edge.take()
            assert (asked.grant, asked.parent) == (call.grant, call.call_id)
            assert (asked.asks, asked.tool, asked.arguments, asked.ordinal) == ("call", "up_ask", b'{"n":1}', 1)
            assert (asked.reply, asked.committed, asked.again) == ("w-1", False, False)
            await edge.answer(asked, b'{"x":1}')
            assert await caller.result(call) == {"body": '{"x":1}', "code": "", "tool": "up_ask"}

    run(main)


def test_a_call_without_a_grant_can_make_none(broker: Broker) -> None:
    async def look(invocation: Invocation) -> bytes:
        return msgspec.json.encode({"inner": invocation.inner is not None})

    async def main() -> None:
        async with scene(broker, look) as (_, caller, _edge):
            assert await caller.result(await caller.send()) == {"inner": False}

    run(main)


def test_many_are_asked_at_once_and_their_answers_told_apart(broker: Broker) -> None:
    async def call_many(invocation: Invocation) -> bytes:
        inner = inner_of(invocation)
        answers = await asyncio.gather(*(inner.call("up_ask", b'{"n":%d}' % n) for n in range(50)))
        return msgspec.json.encode([a.body.decode() for a in answers])

    async def main() -> None:
        async with scene(broker, call_many) as (_, caller, edge):
            call = await send(caller)
            asked = [await edge.take() for _ in range(50)]  # none is answered before all are asked
            assert sorted(a.ordinal for a in asked) == list(range(1, 51))
            for request in reversed(asked):
                await edge.answer(request, request.arguments)
            final = await caller.final(call)
            assert isinstance(final, ToolResult)
            assert msgspec.json.decode(final.body) == [f'{{"n":{n}}}' for n in range(50)]

    run(main)


def test_looking_for_tools_is_asked_in_the_same_way(broker: Broker) -> None:
    async def look(invocation: Invocation) -> bytes:
        inner = inner_of(invocation)
        found, described = await inner.discover(b'{"query":"x"}'), await inner.describe("up_ask")
        return msgspec.json.encode([found.body.decode(), described.body.decode()])

    async def main() -> None:
        async with scene(broker, look) as (_, caller, edge):
            call = await send(caller)
            first = await edge.take()
            assert (first.asks, first.arguments) == ("discover", b'{"query":"x"}')
            await edge.answer(first, b"{}")
            second = await edge.take()
            assert (second.asks, second.tool, second.ordinal) == ("describe", "up_ask", 2)
            await edge.answer(second, b"{}")
            await caller.final(call)

    run(main)


def test_a_failure_reaches_the_backend_with_its_code(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge):
            call = await send(caller)
            await edge.answer(await edge.take(), b"", code="unknown_tool", tool="", detail="There is none.")
            assert (await caller.result(call))["code"] == "unknown_tool"

    run(main)


def test_a_large_body_is_read_from_where_it_is_stored(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge):
            call = await send(caller)
            asked = await edge.take()
            await edge.store("c-1", b'{"large":1}')
            await edge.answer(asked, b"", stored=True)
            assert (await caller.result(call))["body"] == '{"large":1}'

    run(main)


def test_a_body_that_is_not_there_or_another_calls_is_asked_for_again(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (worker, caller, edge):
            call = await send(caller)
            await edge.answer(await edge.take(), b"", stored=True)
            asked = await edge.take()
            assert asked.again
            await edge.store("c-2", b'{"of":"another"}', under="c-1")
            await edge.answer(asked, b"", stored=True)
            asked = await edge.take()
            assert worker.publisher.refused == 1
            await edge.store("c-1", b'{"large":1}')
            await edge.answer(asked, b"", stored=True)
            assert (await caller.result(call))["body"] == '{"large":1}'

    run(main)


def test_what_nothing_is_heard_of_is_asked_for_again_as_the_same_call(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge):
            call = await send(caller)
            first, second = await edge.take(), await edge.take()
            assert (first.again, second.again) == (False, True)
            assert (first.parent, first.ordinal, first.arguments) == (second.parent, second.ordinal, second.arguments)
            await edge.answer(second)
            assert (await caller.result(call))["code"] == ""

    run(main)


def test_what_an_edge_gives_signs_of_is_not_asked_for_again(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (_, caller, edge):
            call = await send(caller)
            asked = await edge.take()
            loop = asyncio.get_running_loop()
            until_then = loop.time() + 4 * QUIET["inner_quiet_s"]
            while loop.time() < until_then:
                await edge.sign(asked)
                await asyncio.sleep(0.02)
            assert await edge.waiting() == 0
            assert (await edge.take()).again  # and once the signs end, it is
            await edge.answer(asked)
            await caller.result(call)

    run(main)


def test_an_answer_that_the_channel_lost_is_asked_for_again_when_it_stands(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once, inner_quiet_s=60.0) as (worker, caller, edge):
            call = await send(caller)
            await edge.take()
            await worker.line.cmd("CLIENT", "KILL", "TYPE", "pubsub")
            asked = await edge.take()
            assert asked.again
            await edge.answer(asked)
            await caller.result(call)

    run(main)


def test_a_broker_that_is_away_is_waited_for(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def call_later(invocation: Invocation) -> bytes:
        await go.wait()
        return await call_once(invocation)

    async def main() -> None:
        with own_broker(tmp_path) as broker:
            async with scene(broker, call_later, lease_s=30.0) as (worker, caller, edge):
                call = await send(caller)
                await lease_of(worker, call)
                async with killed(broker, caller.line):
                    go.set()
                    await until(lambda: worker.asking.open)
                await until(lambda: worker.listening.live)
                await edge.answer(await edge.take())
                assert (await caller.result(call))["code"] == ""

    run(main)


def test_answers_that_are_not_signed_for_the_group_or_none_of_ours_are_refused(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once) as (worker, caller, edge):
            call = await send(caller)
            asked = await edge.take()
            forged = InnerResult(parent=asked.parent, ordinal=asked.ordinal, body=b'{"forged":1}')
            await edge.say(forged, group="other")
            await edge.line.cmd("PUBLISH", keys.inner_channel(GROUP, "w-1"), b"\xc1 nothing of ours")
            await edge.say(Cancel(call_id="c", backend="up", at_ms=0))
            await until(lambda: worker.publisher.refused == 3)
            await edge.say(InnerSign(parent="unknown", ordinals=(1,)))
            await edge.say(InnerResult(parent="unknown", ordinal=1))
            await edge.answer(asked, b'{"true":1}')
            assert (await caller.result(call))["body"] == '{"true":1}'
            assert worker.publisher.refused == 3

    run(main)


def test_where_too_many_wait_for_an_edge_the_call_is_told_so(broker: Broker) -> None:
    async def main() -> None:
        async with scene(broker, call_once, inner_depth_max=1) as (_, caller, edge):
            await edge.line.cmd("RPUSH", keys.INNER, b"somebody's")
            assert (await caller.result(await send(caller)))["code"] == "queue_full"

    run(main)
