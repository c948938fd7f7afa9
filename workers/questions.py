"""Requests to clients that wait for an answer: published on the call's stream, answered over the control channel.

The channel may lose an answer, so edges store it as well: it is looked up after each new subscription, and now and then.
What a client answers is checked before a backend sees it.
"""

import asyncio
import os
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.codec import unseal
from shared.errors import BrokerUnavailable, ForgedMessage
from shared.json_text import depth_exceeds
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Answer
from shared.settings import Settings
from workers.client import DENIED, UNUSABLE, may_be_asked
from workers.leases import Lease
from workers.publishing import Publisher
from workers.run import Run

log = structlog.get_logger()

_LOOK_S: Final = 2.0
_AGAIN_S: Final = 0.2
_DISMISSED: Final = b'{"error":{"code":-32603,"message":"The client has cancelled the call."}}'


class _Error(msgspec.Struct):
    code: int
    message: str


_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_errors = msgspec.json.Decoder(_Error)


@dataclass(frozen=True, slots=True)
class _Open:
    run: Run
    body: asyncio.Future[bytes]


class Questions:
    """All that this worker has asked."""

    def __init__(self, line: RedisLine, ring: KeyRing, publisher: Publisher, settings: Settings) -> None:
        self._line = line
        self._ring = ring
        self._publisher = publisher
        self._asks_max = settings.asks_per_call_max
        self._bytes_max = settings.body_bytes_max
        self._depth_max = settings.json_depth_max
        self._open: dict[str, _Open] = {}

    async def ask(self, run: Run, method: str, params: bytes) -> bytes:
        """Ask the client of a run; gives a JSON object with the one member `result` or `error`.

        Waits for as long as the call lives, so it raises nothing but the cancellation that ends it.
        """
        if run.lease.unwanted or run.asked >= self._asks_max or not may_be_asked(run.client, method):
            return DENIED
        run.asked += 1
        request_id = os.urandom(16).hex()
        body: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._open[request_id] = _Open(run, body)
        try:
            await self._publish(run, method, params or b"{}", request_id)
            while not body.done():
                await asyncio.wait((body,), timeout=_LOOK_S)
                if not body.done():
                    await self._look_up(request_id)
            return self._checked(body.result())
        finally:
            del self._open[request_id]

    async def _publish(self, run: Run, method: str, params: bytes, request_id: str) -> None:
        """Say it until the broker has it. Said twice it has two numbers, but one id."""
        while True:
            run.seq += 1
            try:
                await self._publisher.ask(run.group, run.call, run.claimed, run.seq, method, params, request_id)
                return
            except (BrokerUnavailable, ResponseError) as error:
                log.debug("question not published", call_id=run.call.call_id, reason=type(error).__name__)
                await asyncio.sleep(_AGAIN_S)

    def on_answer(self, group: str, answer: Answer) -> None:
        """Hand an answer to the call that waits for it. Raises ForgedMessage for one of another call."""
        found = self._open.get(answer.request_id)
        if found is None:
            return  # asked by another worker, or answered already
        call = found.run.call
        if (group, answer.call_id, answer.backend) != (found.run.group, call.call_id, call.backend):
            raise ForgedMessage("the answer is for another call than the one that asked")
        if not found.body.done():
            found.body.set_result(answer.body)

    def dismiss(self, lease: Lease) -> None:
        """The client has cancelled the call: a write that runs to its end all the same gets no answers any more."""
        for found in self._open.values():
            if found.run.lease is lease and not found.body.done():
                found.body.set_result(_DISMISSED)

    async def look_up_all(self) -> None:
        """The channel may have lost answers: look up those of all open questions."""
        await asyncio.gather(*(self._look_up(request_id) for request_id in list(self._open)))

    async def _look_up(self, request_id: str) -> None:
        found = self._open.get(request_id)
        if found is None:
            return
        try:
            raw = await self._line.cmd("GET", keys.answer(found.run.claimed.job_id, request_id))
            if raw is not None:
                answer = unseal(self._ring, found.run.group, raw, Answer)
                if answer.request_id != request_id:
                    raise ForgedMessage("the answer lies under another question's id")
                self.on_answer(found.run.group, answer)
        except ForgedMessage as forged:
            self._publisher.note_refusal("answer", forged.detail, call_id=found.run.call.call_id)
        except (BrokerUnavailable, ResponseError) as error:
            log.debug("answer not looked up", reason=type(error).__name__)

    def _checked(self, body: bytes) -> bytes:
        """The answer if it is one, else an error that says so."""
        try:
            if len(body) > self._bytes_max or depth_exceeds(body, self._depth_max):
                return UNUSABLE
            ((name, value),) = _members.decode(body).items()
            if name == "error":
                _errors.decode(value)
            elif name == "result":
                _members.decode(value)
            else:
                return UNUSABLE
        except (msgspec.DecodeError, ValueError, RecursionError):
            return UNUSABLE
        return body
