"""The edge's side of the calls that a running call makes: takes signed requests off the list, and answers them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.codec import seal, unseal
from shared.identity import Principal
from shared.inner import InnerBody, InnerCancel, InnerRequest, InnerResult, InnerSign, ParentGrant
from shared.line import RedisLine
from shared.messages import Message
from tests.contract.hop import GROUP, RING, open_line
from tests.contract.loop_worker import OK, Caller, LoopWorker, eventually, loop_worker
from tests.mesh import Broker
from workers.backends.backend import Inner, InnerAnswer, Invocation

WORKER = "w-1"
QUIET = {"inner_quiet_s": 0.3}


def make_grant(parent: str) -> bytes:
    """What an edge gives a call that may make further ones."""
    return seal(RING, "edge", ParentGrant(parent=parent, group=GROUP, principal=Principal(subject="owner"), deadline_ms=1))


class Edge:
    """Acts for all edges."""

    def __init__(self, line: RedisLine) -> None:
        self.line = line
        self.taken: list[InnerRequest] = []
        self.cancels: list[InnerCancel] = []

    async def take(self) -> InnerRequest:
        """The next request; waits for it."""
        raw = await eventually(lambda: self.line.cmd("LPOP", keys.INNER))
        request = unseal(RING, GROUP, raw, InnerRequest)
        self.taken.append(request)
        return request

    async def waiting(self) -> int:
        """How many requests nobody has taken."""
        return int(await self.line.cmd("LLEN", keys.INNER))

    async def answer(self, request: InnerRequest, body: bytes = OK, **fields: Any) -> None:
        """Answer a request."""
        values: dict[str, Any] = {"call_id": f"c-{request.ordinal}", "tool": "up_ask", "body": body}
        await self.say(InnerResult(parent=request.parent, ordinal=request.ordinal, **(values | fields)))

    async def sign(self, request: InnerRequest) -> None:
        """Tell that it is still waited for."""
        await self.say(InnerSign(parent=request.parent, ordinals=(request.ordinal,)))

    async def store(self, call_id: str, body: bytes, *, under: str = "") -> None:
        """Store a body that is too large for the channel."""
        sealed = seal(RING, GROUP, InnerBody(call_id=call_id, body=body))
        await self.line.cmd("SET", keys.inner_body(GROUP, under or call_id), sealed, "PX", 60_000)

    async def say(self, message: Message, group: str = GROUP) -> None:
        """Say something over the worker's channel."""
        await self.line.cmd("PUBLISH", keys.inner_channel(GROUP, WORKER), seal(RING, group, message))


@asynccontextmanager
async def hearing_cancels(broker: Broker, edge: Edge) -> AsyncIterator[None]:
    """Have an edge hear what is not wanted any more."""
    async with Redis.from_url(broker.url) as redis, redis.pubsub() as channel:
        await channel.subscribe(keys.INNER_CANCELS)
        subscribed = asyncio.Event()

        async def listen() -> None:
            async for message in channel.listen():
                if message["type"] == "subscribe":
                    subscribed.set()
                else:
                    edge.cancels.append(unseal(RING, GROUP, message["data"], InnerCancel))

        task = asyncio.create_task(listen())
        await subscribed.wait()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def send(caller: Caller, access: str = "write", **fields: Any) -> Any:
    """Put a call on its queue that may make further ones."""
    return await caller.send(access=access, grant=make_grant("parent"), **fields)


def seen(answer: InnerAnswer) -> bytes:
    return msgspec.json.encode({"body": answer.body.decode(), "code": answer.code, "tool": answer.tool})


def inner_of(invocation: Invocation) -> Inner:
    assert invocation.inner is not None
    return invocation.inner


async def call_once(invocation: Invocation) -> bytes:
    """A tool that makes one further call, and gives back what came of it."""
    return seen(await inner_of(invocation).call("up_ask", b'{"n":1}'))


@asynccontextmanager
async def scene(broker: Broker, do: Any, **fields: Any) -> AsyncIterator[tuple[LoopWorker, Caller, Edge]]:
    """A worker, somebody who calls it, and an edge that answers it."""
    async with (
        open_line(broker) as line,
        open_line(broker) as edge,
        loop_worker(broker, line, do, **(QUIET | fields)) as worker,
    ):
        yield worker, Caller(edge), Edge(edge)
