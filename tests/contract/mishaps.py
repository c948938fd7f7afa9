"""A worker whose upstream does what the test says, and a broker that is killed under it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from shared import keys
from shared.audit import AuditRecord, decode_record
from shared.line import RedisLine
from shared.messages import ToolCall, ToolFailure
from tests.contract.hop import GROUP, open_line
from tests.contract.loop_worker import OK, Caller, LoopWorker, loop_worker, until
from tests.mesh import Broker
from workers.backends.backend import Invocation
from workers.leases import Lease


class Upstream:
    """What was sent, and when it is answered."""

    def __init__(self) -> None:
        self.sent = 0
        self.cancelled = 0
        self.waiting = 0
        self.asked = 0
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def began(self, number: int) -> None:
        """That many calls came here."""
        await until(lambda: self.waiting >= number)

    async def __call__(self, invocation: Invocation) -> bytes:
        self.waiting += 1
        await self.may_send.wait()
        self.asked += 1
        await invocation.dispatch()
        self.sent += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return OK


@asynccontextmanager
async def killed(broker: Broker, *lines: RedisLine) -> AsyncIterator[None]:
    """The broker is away meanwhile, and these lines have noticed it; afterwards that it is there again."""
    broker.process.kill()
    await until(lambda: not any(line.connected for line in lines))
    yield
    broker.start()
    await until(lambda: all(line.connected for line in lines))


@contextmanager
def own_broker(directory: Path, *, append_only: bool = True) -> Iterator[Broker]:
    broker = Broker(directory, append_only=append_only)
    try:
        yield broker
    finally:
        broker.process.kill()


@asynccontextmanager
async def working(broker: Broker, upstream: Upstream, **fields: Any) -> AsyncIterator[tuple[Caller, LoopWorker]]:
    """A worker with a line of its own, and a caller."""
    async with (
        open_line(broker) as line,
        open_line(broker) as edge,
        loop_worker(broker, line, upstream, **fields) as worker,
    ):
        yield Caller(edge), worker


async def failure(caller: Caller, call: ToolCall) -> ToolFailure:
    final = await caller.final(call)
    assert isinstance(final, ToolFailure), final
    return final


async def records(line: RedisLine) -> list[AuditRecord]:
    return [decode_record(fields[1]) for _, fields in await line.cmd("XRANGE", keys.AUDIT_STREAM, "-", "+")]


def job_of(call: ToolCall) -> str:
    return keys.job_id(GROUP, call.call_id)


async def lease_of(worker: LoopWorker, call: ToolCall) -> Lease:
    await until(lambda: worker.leases.find(job_of(call)))
    lease = worker.leases.find(job_of(call))
    assert lease is not None
    return lease
