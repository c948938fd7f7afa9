"""What changes outside of calls: one worker follows for all, watches what is wanted, and tells the edges."""

import asyncio
import hashlib
from contextlib import AsyncExitStack
from typing import Any

import msgspec

from shared import keys
from shared.codec import seal, unframe
from shared.line import RedisLine
from shared.messages import Changed, Heartbeat, Wanted
from shared.subscription import Subscription
from tests.contract.hop import GROUP, RING, open_line, run
from tests.contract.loop_worker import BACKEND, OK, Caller, LoopWorker, eventually, loop_worker, opened, until
from tests.mesh import Broker
from workers.backends.backend import Invocation, Offer

WANTED = keys.wanted(GROUP, BACKEND)
NOWHERE = frozenset[str]()


async def do(invocation: Invocation) -> bytes:
    return OK


def field(uri: str) -> str:
    return hashlib.sha256(uri.encode()).hexdigest()[:32]


async def want(caller: Caller, uri: str, *, nudge: bool = True, life_ms: int = 60_000, **fields: Any) -> None:
    """What an edge does when a client subscribes."""
    values: dict[str, Any] = {"backend": BACKEND, "uri": uri, "until_ms": caller.clock.now_ms() + life_ms}
    wanted = Wanted(**(values | fields))
    await caller.line.cmd("HSET", WANTED, field(uri), seal(RING, GROUP, wanted))
    if nudge:
        await caller.tell(wanted)


def watched(worker: LoopWorker) -> frozenset[str]:
    return worker.backend.watched[-1] if worker.backend.watched else NOWHERE


async def changes(line: RedisLine) -> list[Changed]:
    entries = await line.cmd("XRANGE", keys.changes(GROUP), "-", "+")
    return [opened(fields[1], Changed) for _, fields in entries]


def test_what_clients_want_is_watched_by_one_worker_and_told_when_it_changes(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(loop_worker(broker, line, do, w)) for w in ("w-1", "w-2")]
            caller = Caller(line)
            await want(caller, "file:///a")
            await want(caller, "file:///b")
            await until(lambda: {watched(w) for w in workers} == {frozenset({"file:///a", "file:///b"}), NOWHERE})
            for worker in workers:
                for uri in ("file:///a", "file:///a", "file:///never-wanted"):
                    worker.backend.updated(uri)
            told = await eventually(lambda: changes(line))
            assert [(c.backend, c.kind, c.uri) for c in told] == [(BACKEND, "resource", "file:///a")]

    run(main)


def test_when_the_follower_dies_another_watches_what_was_wanted(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(loop_worker(broker, line, do, w)) for w in ("w-1", "w-2")]
            await want(Caller(line), "file:///a")
            await until(lambda: any(watched(w) for w in workers))
            follower = next(w for w in workers if watched(w))
            other = next(w for w in workers if w is not follower)
            assert await line.cmd("GET", keys.follower(GROUP, BACKEND)) == follower.worker_id.encode()
            await follower.abandon()
            await until(lambda: watched(other) == frozenset({"file:///a"}))

    run(main)


def test_wishes_that_are_over_forged_or_too_many_are_not_watched(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, do, watched_max=2) as worker:
            caller = Caller(line)
            await want(caller, "file:///over", nudge=False, life_ms=-1)
            await want(caller, "file:///elsewhere", nudge=False, backend="echo")
            await line.cmd("HSET", WANTED, field("file:///forged"), b"no signature")
            moved = Wanted(backend=BACKEND, uri="file:///moved", until_ms=caller.clock.now_ms() + 60_000)
            await line.cmd("HSET", WANTED, field("file:///other"), seal(RING, GROUP, moved))
            for number in range(3):
                await want(caller, f"file:///{number}", nudge=number == 2)
            await until(lambda: len(watched(worker)) == 2)
            assert watched(worker) < {f"file:///{number}" for number in range(3)}
            assert worker.publisher.refused == 3
            assert await line.cmd("HLEN", WANTED) == 3

    run(main)


def test_wishes_whose_nudge_was_lost_are_read_when_the_channel_stands_again(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, do) as worker:
            await want(Caller(line), "file:///first")
            await until(lambda: bool(watched(worker)))
            await want(Caller(line), "file:///second", nudge=False)
            await line.cmd("CLIENT", "KILL", "TYPE", "pubsub")
            await until(lambda: len(watched(worker)) == 2)

    run(main, timeout_s=8)  # less than the time after which they are read anyway


def test_a_flood_of_updates_is_told_slowly_and_the_last_of_each_resource_is_not_lost(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, do, updates_per_s_max=20) as worker:
            caller = Caller(line)
            uris = [f"file:///{number}" for number in range(5)]
            for uri in uris:
                await want(caller, uri)
            await until(lambda: len(watched(worker)) == 5)
            for _ in range(1_000):
                for uri in uris:
                    worker.backend.updated(uri)
            while len(told := await changes(line)) < 5:
                await asyncio.sleep(0.01)
            assert [c.uri for c in told] == uris
            first, last = told[0].at_ms, told[4].at_ms
            assert last - first >= 4 * 1000 / 20 * 0.9

    run(main)


def test_changed_lists_are_told_by_kind_after_the_heartbeat_that_names_them(broker: Broker) -> None:
    async def main() -> None:
        heard: list[str] = []

        def listen(channel: str, data: bytes) -> None:
            if channel == keys.CHANGES:
                place, message = unframe(data)
                assert b"-" in place
                heard.append(opened(message, Changed).kind)
            else:
                heard.extend(state.catalogue for state in opened(data, Heartbeat).backends)

        async def nothing() -> None:
            return None

        async with open_line(broker) as line, AsyncExitStack() as stack:
            workers = [await stack.enter_async_context(loop_worker(broker, line, do, w)) for w in ("w-1", "w-2")]
            await until(lambda: all(w.publisher is not None and w.runtime.tasks == {} for w in workers))
            await eventually(lambda: line.cmd("GET", keys.follower(GROUP, BACKEND)))
            channel = Subscription(broker.url, [keys.CHANGES, keys.HEARTBEATS], listen, nothing, timeout_s=2.0)
            await channel.open()
            await until(lambda: len(heard) > 4)
            before = heard[-1]
            offer = Offer(
                tools=workers[0].backend.offer.tools,
                prompts=(msgspec.json.encode({"name": "p"}),),
                resources=(msgspec.json.encode({"uri": "file:///a", "name": "a"}),),
            )
            for worker in workers:
                worker.backend.offer = offer
                worker.backend.changed()
            await until(lambda: {"prompts", "resources"} <= set(heard))
            assert "tools" not in heard
            names = [name for name in heard[: heard.index("prompts")] if name != before]
            assert names, "a heartbeat named the new catalogue before"
            await channel.close()
            assert sorted(c.kind for c in await changes(line)) == ["prompts", "resources"], "told by one worker"

    run(main)
