"""The one job function: verify → resolve → dispatch → execute → publish → record."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
import structlog

from shared import keys
from shared.clock import BrokerClock
from shared.codec import unseal
from shared.errors import (
    BrokerUnavailable,
    Cancelled,
    DeadlineExceeded,
    DefinitionChanged,
    ForgedMessage,
    Internal,
    MeshError,
    OutcomeUnknown,
    UpstreamBadResponse,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from shared.mesh_keys import KeyRing
from shared.messages import Final, ToolCall, ToolResult
from workers.backends.backend import Invocation
from workers.claimed import Claimed
from workers.leases import Lease, Leases, Stop
from workers.publishing import Publisher, failure_of
from workers.served import Served

log = structlog.get_logger()

_DEFINITION_TRIES = 3
_PUT_BACK_S = 0.3
_ONCE_MAX = 20_000

_UNKNOWN_OUTCOME = (UpstreamTimeout, UpstreamBadResponse, UpstreamTooLarge)
"""Failures after which nobody knows whether the upstream did what it was asked."""


class _PutBack(Exception):
    """The job is for another worker, or for another moment."""


@dataclass(slots=True)
class _Run:
    """One run of one call."""

    group: str
    call: ToolCall
    claimed: Claimed
    lease: Lease
    started: float
    seq: int = field(default=0)


class Calls:
    """Runs claimed jobs."""

    def __init__(
        self,
        served: Mapping[str, Served],
        ring: KeyRing,
        clock: BrokerClock,
        leases: Leases,
        publisher: Publisher,
    ) -> None:
        self._served = served
        self._by_queue = {
            keys.queue(s.entry.group, s.entry.name, lane): s for s in served.values() for lane in ("read", "write")
        }
        self._ring = ring
        self._clock = clock
        self._leases = leases
        self._publisher = publisher
        self._ran: OrderedDict[str, int] = OrderedDict()

    def can_run(self, queue: str) -> bool:
        """Whether the backend of a queue has its tools, so that a call can be held against them."""
        return self._by_queue[queue].catalogue is not None

    async def run(self, claimed: Claimed, envelope: bytes | None) -> None:
        """The job. Never raises what a caller could have caused; answers unless another run has to."""
        served = self._by_queue[claimed.queue]
        group = served.entry.group
        try:
            call = self._verify(group, served, claimed, envelope)
        except ForgedMessage as forged:
            await self._publisher.refuse(claimed, forged.detail)
            return
        task = asyncio.current_task()
        assert task is not None
        deadline = self._clock.monotonic_of(call.deadline_ms)
        lease = Lease(claimed, call, deadline, task)
        run = _Run(group, call, claimed, lease, asyncio.get_running_loop().time())
        self._leases.hold(lease)
        try:
            final, code = await self._outcome(served, run)
            await self._publisher.finish(group, call, claimed, final, code, run.started)
        except _PutBack as why:
            if why.args:
                await self._publisher.put_back(claimed, why.args[0])
        finally:
            self._leases.let_go(lease)

    def _verify(self, group: str, served: Served, claimed: Claimed, envelope: bytes | None) -> ToolCall:
        """Believe a job only if it is signed for this group and says itself where it is and what it is called."""
        if envelope is None:
            raise ForgedMessage("the job is not one of ours: it holds no envelope")
        call = unseal(self._ring, group, envelope, ToolCall)
        if call.queue != claimed.queue:
            raise ForgedMessage("the job was moved from the queue that it was signed for")
        if keys.job_id(group, call.call_id) != claimed.job_id:
            raise ForgedMessage("the job lies under another call's id")
        if call.backend != served.entry.name:
            raise ForgedMessage("the job is for another backend than its queue")
        if claimed.fence <= self._ran.get(call.call_id, 0):
            raise ForgedMessage("the job was run here already under this fence")
        self._ran[call.call_id] = claimed.fence
        if len(self._ran) > _ONCE_MAX:
            self._ran.popitem(last=False)
        return call

    async def _outcome(self, served: Served, run: _Run) -> tuple[Final, str]:
        """How the call ended: its final message and the code for the record. Raises _PutBack when it has not ended."""
        call = run.call
        try:
            if run.claimed.mark and call.access == "write":
                raise OutcomeUnknown(
                    "The worker that ran this call died after it had begun to change something. It may have taken effect: "
                    "check before you call again."
                )
            body = await self._execute(served, run)
        except MeshError as error:
            data = msgspec.json.encode(error.data) if error.data else b""
            return failure_of(call, run.seq + 1, error.code, error.detail, data), error.code
        except _PutBack:
            raise
        except Exception:
            log.exception("call failed", call_id=call.call_id, backend=call.backend, tool=call.tool)
            defect = self._defect(run)
            return failure_of(call, run.seq + 1, defect.code, defect.detail), defect.code
        code = "error" if _says_error(body) else "ok"
        return ToolResult(call_id=call.call_id, backend=call.backend, seq=run.seq + 1, body=body), code

    def _defect(self, run: _Run) -> MeshError:
        if run.lease.committed:
            return OutcomeUnknown("The call failed after it had begun to change something. Check before you call again.")
        return Internal("The call failed inside ToolMesh. The operator finds the cause under the call id.")

    async def _execute(self, served: Served, run: _Run) -> bytes:
        lease = run.lease
        loop = asyncio.get_running_loop()
        if lease.deadline <= loop.time():
            raise DeadlineExceeded("The call waited in the queue until its time was over; nothing was started.")
        self._resolve(served, run)
        timer = loop.call_at(lease.deadline, lease.stop, Stop.DEADLINE)
        try:
            return await served.backend.call(self._invocation(run))
        except asyncio.CancelledError:
            if lease.stopped is None:
                raise
            lease.task.uncancel()
            raise self._stopped(run) from None
        except _UNKNOWN_OUTCOME as error:
            if not lease.committed:
                raise
            raise OutcomeUnknown(
                f"The write was sent, and then: {error.detail} It may have taken effect: check before you call again."
            ) from error
        finally:
            timer.cancel()

    def _resolve(self, served: Served, run: _Run) -> None:
        """Make sure that the tool is still what the arguments were validated against."""
        if run.call.method != "tools/call":
            return  # nothing was validated; the backend itself knows its prompts and resources
        definition = served.tools.get(run.call.tool)
        if definition is not None and definition.hash == run.call.definition:
            return
        if run.claimed.fence < _DEFINITION_TRIES:
            raise _PutBack(_PUT_BACK_S)
        raise DefinitionChanged(
            "The tool's definition changed while the call was on its way; nothing was started. "
            "List the tools and call again."
        )

    def _stopped(self, run: _Run) -> MeshError | _PutBack:
        """What a stopped call ends with."""
        why = run.lease.stopped
        if why is Stop.LEASE_LOST:
            return _PutBack()
        if run.lease.committed:
            return OutcomeUnknown(
                "The write was sent and had no answer when its time was over. It may have taken effect: check before you "
                "call again."
            )
        if why is Stop.SHUTDOWN:
            return _PutBack(0.0)
        if why is Stop.DEADLINE:
            return DeadlineExceeded("The backend did not answer in the time that the call had.")
        return Cancelled("The call was cancelled before it had changed anything.")

    def _invocation(self, run: _Run) -> Invocation:
        call = run.call

        def report(params: bytes) -> None:
            if call.progress and self._publisher.report(run.group, call, run.claimed, run.seq + 1, params):
                run.seq += 1

        def notify(method: str, params: bytes) -> None:
            if self._publisher.notify(run.group, call, run.claimed, run.seq + 1, method, params):
                run.seq += 1

        async def dispatch() -> None:
            lease = run.lease
            if asyncio.get_running_loop().time() >= lease.valid_until:
                lease.stop(Stop.LEASE_LOST)
                await asyncio.sleep(0)  # the cancellation arrives here
            if call.access != "write":
                return
            # From here on a failure to learn the answer counts as "may be marked".
            if not await self._publisher.intend(call, run.claimed):
                lease.stop(Stop.LEASE_LOST)
                await asyncio.sleep(0)
                raise BrokerUnavailable("The lease of the call is lost.")
            lease.dispatched = True

        return Invocation(
            call_id=call.call_id,
            method=call.method,
            tool=call.tool if call.method == "tools/call" else "",
            access=call.access,
            arguments=call.arguments,
            meta=call.meta,
            inputs=call.inputs,
            client=call.client,
            owner=call.owner,
            principal=call.principal,
            deadline=run.lease.deadline,
            wants_progress=call.progress,
            report=report,
            notify=notify,
            ask=_refuse,
            dispatch=dispatch,
        )


async def _refuse(method: str, params: bytes) -> bytes:
    """Nobody can be asked."""
    return b'{"error":{"code":-32601,"message":"The client can not be asked this."}}'


class _Verdict(msgspec.Struct):
    """The one member of a result that the record needs."""

    isError: bool = False  # noqa: N815 (MCP's name)


_verdicts = msgspec.json.Decoder(_Verdict)


def _says_error(body: bytes) -> bool:
    """Whether a result is the tool's own error."""
    try:
        return b"isError" in body and _verdicts.decode(body).isError
    except msgspec.DecodeError:
        return False
