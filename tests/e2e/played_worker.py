"""A worker of group `code` that the test plays, by signed messages: it takes scripts off their queue, and asks edges for
what the test says. So what a worker may ask, and what it may not, is asked of real edges."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from shared import keys
from shared.audit import call_record
from shared.code_mode import CODE
from shared.codec import AnyMessage, open_envelope, seal, unseal
from shared.functions import function_name
from shared.identity import Principal
from shared.inner import InnerBody, InnerCancel, InnerRequest, InnerResult, ParentGrant
from shared.jobs import open_job
from shared.messages import BackendState, Cancel, Heartbeat, Message, ToolCall, ToolResult
from tests.contract.hop import RING
from tests.mesh import Mesh, wait_until

QUEUE = keys.queue(CODE.group, CODE.name, "write")
_BEAT_S = 0.3
_WAIT_S = 20.0


OWNER = Principal(subject="owner", owner=True)


@dataclass(frozen=True)
class Parent:
    """What a request names of a script."""

    call_id: str
    grant: bytes


def now_ms() -> int:
    return int(time.time() * 1000)


class PlayedWorker:
    """Serves nothing but says that it serves `code`."""

    def __init__(self, mesh: Mesh, worker_id: str = "w-played") -> None:
        self.mesh = mesh
        self.id = worker_id
        self.redis = mesh.broker.client()
        self._channel = self.redis.pubsub()  # type: ignore[no-untyped-call]
        self._channel.subscribe(keys.inner_channel(CODE.group, worker_id), keys.control_channel(CODE.group))
        for _ in range(2):
            wait_until(lambda: self._channel.get_message(timeout=0.1), "the channels are heard")
        self._cancels: set[str] = set()
        self._owners: dict[str, str] = {}
        self._over = threading.Event()
        self._resting = threading.Event()
        self._beat_once(self.redis)  # edges have it before any request that the test makes from now on
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()

    def _beat(self) -> None:
        with self.mesh.broker.client() as redis:
            while not self._over.wait(_BEAT_S):
                with suppress(RedisError):  # it may be away
                    self._beat_once(redis)

    def _beat_once(self, redis: Redis) -> None:
        state = BackendState(name=CODE.name, state="up", catalogue="c")
        serves = () if self._resting.is_set() else (state,)
        beat = seal(RING, CODE.group, Heartbeat(worker=self.id, at_ms=now_ms(), backends=serves))
        redis.set(keys.heartbeat(CODE.group, self.id), beat, px=3_000)
        redis.zadd(keys.workers(CODE.group), {self.id: now_ms() + 3_000})
        redis.publish(keys.HEARTBEATS, beat)

    def rest(self) -> None:
        """Say that it serves nothing, until `wake`."""
        self._resting.set()

    def wake(self) -> None:
        """Serve again."""
        self._resting.clear()

    def close(self) -> None:
        self._over.set()
        self._beating.join()
        self._channel.close()
        self.redis.close()

    def _fcall(self, short: str, names: tuple[str, ...], *arguments: Any) -> Any:
        command = ("FCALL", function_name(short), len(names), *names, *arguments)
        return self.redis.execute_command(*command)  # type: ignore[no-untyped-call]

    def take(self) -> ToolCall:
        """The next script; waits for it, and holds its lease."""
        found: list[Any] = []

        def claimed() -> bool:
            found.extend(self._fcall("claim", (QUEUE,), self.id, 60_000, 600_000, 1))
            return bool(found)

        wait_until(claimed, "a script")
        _, job_id, payload, fence = found[:4]
        group, _, call_id = job_id.decode().partition(".")
        self._owners[call_id] = f"{self.id}:{fence}"
        return open_job(RING, group, call_id, payload)

    def finish(self, call: ToolCall, text: str = "over") -> None:
        """The script is over."""
        jid = keys.job_id(CODE.group, call.call_id)
        body = msgspec.json.encode({"content": [{"type": "text", "text": text}]})
        sealed = seal(RING, CODE.group, ToolResult(call_id=call.call_id, backend=CODE.name, seq=1, body=body))
        framed = len(sealed).to_bytes(4, "big") + sealed
        names: tuple[str, ...] = (keys.lease(jid), keys.job(jid), keys.fence(jid), keys.dispatched(jid))
        names += (keys.final(jid), call.queue)
        names += (keys.in_flight(CODE.group, CODE.name, "s"), keys.AUDIT_STREAM)
        sent = (jid, self._owners[call.call_id], sealed, framed, keys.reply_channel(call.reply), 60_000, _record(call), 100)
        assert self._fcall("finish", names, *sent) == 1

    def grant(self, call: ToolCall) -> ParentGrant:
        """What the edge gave with a script."""
        return unseal(RING, "edge", call.grant, ParentGrant)

    def parent(self, principal: Principal = OWNER, seconds: float = 60, group: str = "edge", **fields: Any) -> Parent:
        """A script that runs, as far as edges know: with a grant of its own, and nothing else."""
        name = os.urandom(16).hex()
        until_ms = now_ms() + int(seconds * 1000)
        given = ParentGrant(parent=name, group=CODE.group, principal=principal, deadline_ms=until_ms, **fields)
        return Parent(name, seal(RING, group, given))

    def request(self, call: ToolCall | Parent, tool: str = "", arguments: Any = None, **fields: Any) -> InnerRequest:
        """A request of a script."""
        values: dict[str, Any] = {
            "grant": call.grant,
            "parent": call.call_id,
            "ordinal": 1,
            "tool": tool,
            "arguments": msgspec.json.encode({} if arguments is None else arguments),
            "reply": self.id,
            "epoch": self._epoch(),
            "at_ms": now_ms(),
        }
        return InnerRequest(**(values | fields))

    def _epoch(self) -> str:
        found = self.redis.info("server")
        assert isinstance(found, dict)
        return str(found["run_id"])

    def send(self, message: Message, group: str = CODE.group) -> None:
        """Put a request on the list."""
        assert self._fcall("ask", (keys.INNER,), seal(RING, group, message), 1_000, 60_000) == 1

    def ask(self, call: ToolCall | Parent, tool: str, arguments: Any = None, **fields: Any) -> InnerResult:
        """Ask, and wait for the answer."""
        request = self.request(call, tool, arguments, **fields)
        self.send(request)
        return self.answer(request.ordinal)

    def say_over(self, call: ToolCall | Parent, *ordinals: int, **fields: Any) -> None:
        """The script is over before what it asked for is."""
        values: dict[str, Any] = {"grant": call.grant, "parent": call.call_id, "ordinals": ordinals, "at_ms": now_ms()}
        self.redis.publish(keys.INNER_CANCELS, seal(RING, CODE.group, InnerCancel(**(values | fields))))

    def answer(self, ordinal: int = 1) -> InnerResult:
        """The next answer, which is to that request; waits for it."""
        heard = self.hear_result()
        assert heard.ordinal == ordinal
        return heard

    def hear_result(self) -> InnerResult:
        """The next answer; waits for it."""
        heard = self.hear(InnerResult)
        assert isinstance(heard, InnerResult)
        return heard

    def hear(self, kind: type[Message]) -> AnyMessage:
        """The next message of that kind; others are passed over."""
        end = time.monotonic() + _WAIT_S
        while time.monotonic() < end:
            message = self._next(0.2)
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} came in {_WAIT_S} s")

    def cancelled(self, call_id: str) -> bool:
        """Whether a script's client has cancelled it, as far as it was heard."""
        self._next(0.1)
        return call_id in self._cancels

    def _next(self, seconds: float) -> AnyMessage | None:
        try:
            said = self._channel.get_message(ignore_subscribe_messages=True, timeout=seconds)
        except RedisError:
            return None  # it is away, and comes back
        if said is None:
            return None
        group, message = open_envelope(RING, said["data"])
        assert group == CODE.group
        if isinstance(message, Cancel):
            self._cancels.add(message.call_id)
        return message

    def silence(self, seconds: float = 0.7) -> list[InnerResult]:
        """The answers that come in that time."""
        heard: list[AnyMessage | None] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            heard.append(self._next(0.1))
        return [message for message in heard if isinstance(message, InnerResult)]

    def body(self, result: InnerResult) -> Any:
        """What an answer gives."""
        assert not result.code, f"{result.code}: {result.detail}"
        raw = result.body
        if result.stored:
            sealed = self.redis.get(keys.inner_body(CODE.group, result.call_id))
            assert isinstance(sealed, bytes)
            stored = unseal(RING, CODE.group, sealed, InnerBody)
            assert stored.call_id == result.call_id
            raw = stored.body
        return msgspec.json.decode(raw)

    def text(self, result: InnerResult) -> str:
        """The first text of a tool's result."""
        return str(self.body(result)["content"][0]["text"])


def _record(call: ToolCall) -> bytes:
    return call_record(call, "outcome", "ok", "w-played", now_ms())


@contextmanager
def played_worker(mesh: Mesh) -> Iterator[PlayedWorker]:
    """One that ends with the test."""
    worker = PlayedWorker(mesh)
    try:
        yield worker
    finally:
        worker.close()
