"""A worker inside the test's event loop, over a real broker, with a backend that does what the test says; and the edge's
words to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from shared import keys
from shared.authorization import Authorization, Evaluator, Rule
from shared.catalogue import define
from shared.clock import BrokerClock
from shared.codec import open_envelope, seal, unseal
from shared.configuration import BackendEntry
from shared.line import RedisLine
from shared.messages import Answer, Client, Final, Message, Notice, Progress, Spoken, ToolCall, ToolFailure, ToolResult
from shared.watched import Watched
from tests.contract.hop import GROUP, RING, make_call, put, settings_for
from tests.mesh import Broker
from workers.assembly import Assembly
from workers.backends.backend import Invocation, Offer
from workers.served import Served

BACKEND = "up"
Do = Callable[[Invocation], Awaitable[bytes]]
DEFINITIONS = (define("ask", "read", b"{}"), define("change", "write", b"{}"))
OK = b'{"content":[{"type":"text","text":"done"}]}'
ANYBODY = Authorization(plans={"free": Rule(allow=("**",))})
FAST: dict[str, Any] = {
    "lease_s": 1.0,
    "lease_renew_s": 0.2,
    "sweep_s": 0.1,
    "heartbeat_s": 0.1,
    "heartbeat_ttl_s": 0.6,
}
"""Times that let a worker's death be noticed soon."""


class Scripted:
    """A backend that does what the test says."""

    def __init__(self, do: Do) -> None:
        self.do = do
        self.offer = Offer(tools=DEFINITIONS)
        self.watched: list[frozenset[str]] = []
        self.changed: Callable[[], None] = lambda: None
        self.updated: Callable[[str], None] = lambda uri: None
        self.closed = False

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        self.changed, self.updated = changed, updated

    async def list_all(self) -> Offer:
        return self.offer

    async def call(self, invocation: Invocation) -> bytes:
        return await self.do(invocation)

    async def watch(self, uris: frozenset[str]) -> None:
        self.watched.append(uris)

    async def close(self) -> None:
        self.closed = True


class LoopWorker(Assembly):
    """The worker, with its scripted backend at hand."""

    def __init__(self, broker: Broker, line: RedisLine, do: Do, worker_id: str, entry: BackendEntry, **fields: Any) -> None:
        """`fields`: of the settings, and `rules`; without those anybody may use everything."""
        rules = fields.pop("rules", ANYBODY)
        self.backend = Scripted(do)
        self.line = line
        served = {entry.name: Served(entry=entry, backend=self.backend)}
        settings = settings_for(broker, **(FAST | fields))
        self.rules = Watched([], lambda: Evaluator(rules), poll_s=60)
        super().__init__(line, settings, RING, served, self.rules, worker_id=worker_id, concurrency=64)

    async def abandon(self) -> None:
        """Stop in mid-everything, as a killed process does: nothing is finished, put back, or let go in the broker."""
        await self._end(self._beating, *self._tasks, *self.runtime.tasks.values())
        await self.execution.parked.close()
        await self._let_go()


@asynccontextmanager
async def loop_worker(
    broker: Broker, line: RedisLine, do: Do, worker_id: str = "w-1", entry: BackendEntry | None = None, **fields: Any
) -> AsyncIterator[LoopWorker]:
    """A running worker."""
    worker = LoopWorker(broker, line, do, worker_id, entry or make_entry(), **fields)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.abandon()


def make_entry(**fields: Any) -> BackendEntry:
    return BackendEntry(name=BACKEND, transport="http", url="http://127.0.0.1:1/mcp", **fields)


class Caller:
    """The edge's side: signs calls, reads what comes of them from the durable copies."""

    def __init__(self, line: RedisLine) -> None:
        self.line = line
        self.clock = BrokerClock()

    async def send(self, *, access: str = "read", **fields: Any) -> ToolCall:
        """Put a call on its queue."""
        definition = DEFINITIONS[0] if access == "read" else DEFINITIONS[1]
        values: dict[str, Any] = {
            "backend": BACKEND,
            "queue": keys.queue(GROUP, BACKEND, "read" if access == "read" else "write"),
            "tool": definition.name,
            "definition": definition.hash,
        }
        call = make_call(self.clock, access=access, **(values | fields))  # type: ignore[arg-type]
        await put(self.line, self.clock, call)
        return call

    async def final(self, call: ToolCall) -> Final:
        """How a call ended; waits for it."""
        name = keys.final(keys.job_id(GROUP, call.call_id))
        raw = await eventually(lambda: self.line.cmd("GET", name))
        _, message = open_envelope(RING, raw)
        assert isinstance(message, ToolResult | ToolFailure)
        return message

    async def result(self, call: ToolCall) -> dict[str, Any]:
        """The result of a call that has one; waits for it."""
        final = await self.final(call)
        assert isinstance(final, ToolResult), final
        return dict(msgspec.json.decode(final.body))

    async def failure(self, call: ToolCall) -> str:
        """The slug of how a call failed."""
        final = await self.final(call)
        assert isinstance(final, ToolFailure), final
        return final.code

    async def said(self, call: ToolCall) -> list[Spoken]:
        """What was said on a call's stream so far."""
        entries = await self.line.cmd("XRANGE", keys.events(keys.job_id(GROUP, call.call_id)), "-", "+")
        messages = [open_envelope(RING, fields[1])[1] for _, fields in entries]
        assert all(isinstance(message, Progress | Notice) for message in messages)
        return messages  # type: ignore[return-value]

    async def question(self, call: ToolCall, number: int = 1) -> Notice:
        """The n-th request to the client of a call; waits for it."""

        async def find() -> Notice | None:
            asked = [s for s in await self.said(call) if isinstance(s, Notice) and s.request_id]
            return asked[number - 1] if len(asked) >= number else None

        found: Notice = await eventually(find)
        return found

    async def answer(self, call: ToolCall, question: Notice, body: bytes, *, publish: bool = True, **changed: Any) -> None:
        """Answer a request: over the channel, or only as the stored copy."""
        values: dict[str, Any] = {
            "call_id": call.call_id,
            "backend": call.backend,
            "request_id": question.request_id,
            "body": body,
            "at_ms": self.clock.now_ms(),
        }
        sealed = seal(RING, GROUP, Answer(**(values | changed)))
        name = keys.answer(keys.job_id(GROUP, call.call_id), question.request_id)
        await self.line.cmd("SET", name, sealed, "PX", 60_000)
        if publish:
            await self.line.cmd("PUBLISH", keys.control_channel(GROUP), sealed)

    async def tell(self, message: Message) -> None:
        """Say something over the control channel."""
        await self.line.cmd("PUBLISH", keys.control_channel(GROUP), seal(RING, GROUP, message))


async def eventually(look: Callable[[], Any]) -> Any:
    """Poll until something true comes; `run` bounds the wait."""
    while not (found := await look()):
        await asyncio.sleep(0.01)
    return found


async def until(condition: Callable[[], Any]) -> None:
    """Poll until it is true."""
    while not condition():
        await asyncio.sleep(0.01)


def client(asking: str, *capabilities: str, log_level: str = "") -> Client:
    declared = msgspec.json.encode({name: {} for name in capabilities})
    return Client(asking=asking, capabilities=declared, log_level=log_level)  # type: ignore[arg-type]


def opened(raw: bytes, kind: type[Any]) -> Any:
    """A signed message of a kind."""
    return unseal(RING, GROUP, raw, kind)
