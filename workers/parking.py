"""Upstream calls that wait for a client to come back: an upstream that asks in mid-call (2025 era), for a client that is
asked by a result and sends its request again (2026 era).

The call's job ends with an `InputRequiredResult`, and its lease with it; the upstream call stays, in a task of its own,
until the client's answers come as another job, or until it is given up.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from shared.errors import BackendUnavailable, Cancelled, InvalidParams, OutcomeUnknown, UpstreamBadResponse
from shared.identity import share_of
from shared.messages import ToolCall
from shared.settings import Settings
from workers.client import DENIED, UNUSABLE, may_be_asked
from workers.run import Run

log = structlog.get_logger()

_TICKS: Final = 3
"""Turns of the event loop in which further questions of the same moment may come."""


class _Inputs(msgspec.Struct):
    inputResponses: dict[str, msgspec.Raw] = {}  # noqa: N815 (MCP's name)


_inputs = msgspec.json.Decoder(_Inputs)
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    params: bytes
    answer: asyncio.Future[bytes]


class Errand:
    """One upstream call that may outlive the job that began it. Its callbacks act for the job of the moment."""

    def __init__(self, run: Run, asks_max: int) -> None:
        self._run: Run | None = run
        self._asks_max = asks_max
        self._asked = 0
        self._task: asyncio.Task[bytes] | None = None
        self._questions: dict[str, _Question] = {}
        self._news = asyncio.Event()
        self.call = run.call
        """The call that began it."""
        self.rounds = 0
        """How often the client was sent away with questions."""

    def start(self, upstream: Awaitable[bytes]) -> None:
        """Begin the upstream call."""

        async def run() -> bytes:
            return await upstream

        self._task = asyncio.get_running_loop().create_task(run())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        if not task.cancelled():
            task.exception()  # nobody may ever come back for it
        self._news.set()

    def resume(self, run: Run) -> None:
        """Go on under another job, with the answers that it brought; what was not answered stays asked."""
        self._run = run
        try:
            responses = _inputs.decode(run.call.inputs or b"{}").inputResponses
        except msgspec.DecodeError:
            responses = {}
        for key, question in list(self._questions.items()):
            if key in responses:
                del self._questions[key]
                question.answer.set_result(_as_answer(responses[key]))

    def rest(self) -> None:
        """No job acts for it now."""
        self._run = None

    async def next(self) -> bytes | None:
        """The upstream's result, or None when it asks. Raises what the upstream call raised."""
        assert self._task is not None
        while not self._task.done():
            if self._questions:
                for _ in range(_TICKS):
                    await asyncio.sleep(0)
                if self._questions and not self._task.done():
                    return None
            self._news.clear()
            await self._news.wait()
        return self._task.result()

    async def give_up(self) -> None:
        """End the upstream call; it is told, if the protocol can."""
        self._run = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def asked(self) -> dict[str, dict[str, object]]:
        """What is asked now, as `inputRequests`."""
        return {key: {"method": q.method, "params": msgspec.Raw(q.params)} for key, q in self._questions.items()}

    def report(self, params: bytes) -> None:
        """Progress goes to the job of the moment; there may be none."""
        if self._run is not None:
            self._run.report(params)

    def notify(self, method: str, params: bytes) -> None:
        """So do log messages."""
        if self._run is not None:
            self._run.notify(method, params)

    def renewed(self) -> None:
        """And what happened to the upstream session."""
        if self._run is not None:
            self._run.renewed()

    async def dispatch(self) -> None:
        """Only a job may act. Raises Cancelled while there is none."""
        if self._run is None:
            raise Cancelled("The call waits for its client, and may not act meanwhile.")
        await self._run.dispatch()

    async def ask(self, method: str, params: bytes) -> bytes:
        """Ask the client when it comes to the next result, and wait until it comes back."""
        run = self._run
        if run is None or self._asked >= self._asks_max or not may_be_asked(run.client, method):
            return DENIED
        self._asked += 1
        key = f"ask-{self._asked}"
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._questions[key] = _Question(method, params or b"{}", answer)
        self._news.set()
        try:
            return await answer
        finally:
            self._questions.pop(key, None)


class Parked:
    """The upstream calls of this worker that wait for their clients."""

    def __init__(self, settings: Settings) -> None:
        self._parked_max = settings.parked_max
        self._parked_s = settings.parked_s
        self._rounds_max = settings.input_rounds_max
        self._errands: OrderedDict[str, tuple[Errand, asyncio.TimerHandle]] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()

    def park(self, run: Run, errand: Errand) -> bytes:
        """Keep a call that asks, under `run.parked`; gives the `InputRequiredResult` for its client, to which the edge adds
        the sealed state. Raises UpstreamBadResponse for a call that goes round in circles."""
        errand.rounds += 1
        if errand.rounds > self._rounds_max:
            raise UpstreamBadResponse(
                f"The client was asked {self._rounds_max} times in one call, and the backend still wants an answer."
            )
        errand.rest()
        while len(self._errands) >= self._parked_max:
            self.give_up(next(iter(self._errands)))
        run.parked = os.urandom(16).hex()
        timer = asyncio.get_running_loop().call_later(self._parked_s, self.give_up, run.parked)
        self._errands[run.parked] = errand, timer
        return _encode({"resultType": "input_required", "inputRequests": errand.asked})

    def take(self, call: ToolCall) -> Errand:
        """The upstream call that a request came back for. Raises InvalidParams, OutcomeUnknown, BackendUnavailable."""
        found = self._errands.get(call.parked)
        if found is None:
            if call.access == "write":
                raise OutcomeUnknown(
                    "The backend had begun the call when it asked for input, and nobody waits for the answer any more: its "
                    "worker ended, or its time was over. It may have taken effect: check before you call again."
                )
            raise BackendUnavailable(
                "The call that asked for input is gone: its worker ended, or its time was over. Call again from the start.",
                retry_after_s=0,
            )
        errand, timer = found
        if _about(errand.call) != _about(call):
            raise InvalidParams("Unknown request state.")
        timer.cancel()
        del self._errands[call.parked]
        return errand

    def give_up(self, parked_id: str) -> None:
        """End a call that nobody came back for; one that is gone already is gone."""
        found = self._errands.pop(parked_id, None)
        if found is None:
            return
        errand, timer = found
        timer.cancel()
        log.info("parked call given up", call_id=errand.call.call_id, backend=errand.call.backend)
        ending = asyncio.get_running_loop().create_task(errand.give_up())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End them all."""
        for parked_id in list(self._errands):
            self.give_up(parked_id)
        await asyncio.gather(*self._ending, return_exceptions=True)


def _about(call: ToolCall) -> tuple[str, ...]:
    """What two requests must have in common for one to go on where the other stopped."""
    return (share_of(call.principal), call.backend, call.method, call.tool)


def _as_answer(response: msgspec.Raw) -> bytes:
    try:
        _objects.decode(response)
    except msgspec.DecodeError:
        return UNUSABLE
    return b'{"result":' + bytes(response) + b"}"
