"""The one job function: verify → (authorize → resolve → dispatch → execute, in `execution.py`) → publish → record."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

import msgspec
import structlog

from shared import failpoints, keys
from shared.clock import BrokerClock
from shared.codec import unseal
from shared.errors import Cancelled, DeadLettered, ForgedMessage, Internal, MeshError, OutcomeUnknown
from shared.mesh_keys import KeyRing
from shared.messages import Final, ToolCall, ToolResult
from shared.outcome import check_of, failure_of
from shared.settings import Settings
from workers.claimed import Claimed
from workers.client import cut_down
from workers.dispatching import Dispatching
from workers.execution import Execution, PutBack
from workers.leases import Lease, Leases, Stop
from workers.publishing import Publisher
from workers.questions import Questions
from workers.rounds import asks_for_input
from workers.run import Run
from workers.served import Served

log = structlog.get_logger()

_ONCE_MAX = 20_000
_SAYS_NOTHING = (OutcomeUnknown.code, Cancelled.code)
"""Ends of a write that tell nothing of what became of it."""


class Calls:
    """Runs claimed jobs."""

    def __init__(
        self,
        served: Mapping[str, Served],
        ring: KeyRing,
        clock: BrokerClock,
        leases: Leases,
        publisher: Publisher,
        questions: Questions,
        execution: Execution,
        dispatching: Dispatching,
        worker_id: str,
        settings: Settings,
    ) -> None:
        self._by_queue = {
            keys.queue(s.entry.group, s.entry.name, lane): s
            for s in served.values()
            for lane in keys.lanes(s.entry.transport)
        }
        self._ring = ring
        self._clock = clock
        self._leases = leases
        self._publisher = publisher
        self._questions = questions
        self._execution = execution
        self._dispatching = dispatching
        self._worker_id = worker_id
        self._holder_grace_s = settings.holder_grace_s
        self._losses_max = settings.worker_losses_max
        self._ran: OrderedDict[str, tuple[str, int]] = OrderedDict()
        """Epoch and fence of the last run of a call."""

    def can_run(self, queue: str) -> bool:
        """Whether the backend of a queue has its tools, so that a call can be held against them."""
        return self._by_queue[keys.general(queue)].catalogue is not None

    async def run(self, claimed: Claimed, envelope: bytes | None) -> None:
        """The job. Never raises what a caller could have caused; answers unless another run has to."""
        failpoints.reached("worker.after_claim")
        served = self._by_queue[keys.general(claimed.queue)]
        group = served.entry.group
        try:
            call = self._verify(group, served, claimed, envelope)
        except ForgedMessage as forged:
            await self._publisher.refuse(claimed, forged.detail)
            return
        earlier = self._leases.find(claimed.job_id)
        if earlier is not None and earlier.stopped is not Stop.LEASE_LOST:
            # It runs here. Its lease ran out while this process, or the broker, was away, and nobody else was quicker.
            await self._publisher.put_back(claimed, self._holder_grace_s)
            await self._leases.renew()
            return
        task = asyncio.current_task()
        assert task is not None
        lease = Lease(claimed, call, self._clock.monotonic_of(call.deadline_ms), task)
        client = cut_down(call.client, served.entry.relay)
        await self._run(Run(served, call, client, claimed, lease, self._publisher, self._questions, self._dispatching))

    async def _run(self, run: Run) -> None:
        call, claimed, lease = run.call, run.claimed, run.lease
        self._leases.hold(lease)
        done = False
        try:
            final, code = await self._outcome(run)
            aside = code == DeadLettered.code
            done = await self._publisher.finish(run.group, call, claimed, final, code, run.started, set_aside=aside)
            if done:
                failpoints.reached("worker.after_publish")
            elif lease.committed and code not in _SAYS_NOTHING:
                await self._publisher.note_late(call, claimed, code, run.started)
        except PutBack as why:
            lease.in_transit = True
            if why.args:
                await self._publisher.put_back(claimed, why.args[0])
        finally:
            self._leases.let_go(lease)
            if run.parked and not done:
                self._execution.parked.give_up(run.parked)  # its client will never hear of it

    def _verify(self, group: str, served: Served, claimed: Claimed, envelope: bytes | None) -> ToolCall:
        """Believe a job only if it is signed for this group and says itself where it is and what it is called."""
        if envelope is None:
            raise ForgedMessage("the job is not one of ours: it holds no envelope")
        call = unseal(self._ring, group, envelope, ToolCall)
        if call.queue != claimed.queue and keys.general(call.queue) != keys.general(claimed.queue):
            raise ForgedMessage("the job was moved from the queue that it was signed for")
        if keys.job_id(group, call.call_id) != claimed.job_id:
            raise ForgedMessage("the job lies under another call's id")
        if call.backend != served.entry.name:
            raise ForgedMessage("the job is for another backend than its queue")
        epoch, fence = self._ran.get(call.call_id, ("", 0))
        if claimed.epoch == epoch and claimed.fence <= fence:
            raise ForgedMessage("the job was run here already under this fence")
        self._ran[call.call_id] = claimed.epoch, claimed.fence
        if len(self._ran) > _ONCE_MAX:
            self._ran.popitem(last=False)
        return call

    async def _outcome(self, run: Run) -> tuple[Final, str]:
        """How the call ended: its final message and the code for the record. Raises PutBack when it has not ended."""
        call = run.call
        try:
            self._look_back(call, run.claimed)
            body = await self._execution.execute(run)
            failpoints.reached("worker.after_answer")
        except MeshError as error:
            return _failed(run, error)
        except PutBack:
            raise
        except Exception:
            log.exception("call failed", call_id=call.call_id, backend=call.backend, tool=call.tool)
            return _failed(run, self._defect(run))
        code = "error" if _says_error(body) else "input_required" if asks_for_input(body) else "ok"
        return ToolResult(
            call_id=call.call_id,
            backend=call.backend,
            seq=run.seq + 1,
            body=run.marked(body),
            parked=run.parked,
            worker=self._worker_id if run.parked else "",
        ), code

    def _look_back(self, call: ToolCall, claimed: Claimed) -> None:
        """Whether what happened to a call before allows that it is run. Raises PutBack, OutcomeUnknown, DeadLettered."""
        if call.access == "write":
            restarted = not claimed.epoch or call.epoch != claimed.epoch
            if restarted and claimed.returned == 0:
                raise PutBack(self._holder_grace_s)  # whoever has begun it takes its lease up again meanwhile
            if claimed.mark:
                raise OutcomeUnknown(
                    "The worker that ran this call died after it had begun to change something. It may have taken effect: "
                    "check before you call again."
                )
            if restarted:
                raise OutcomeUnknown(
                    "The broker was restarted while the call waited, and may have forgotten that a worker sent it. It may "
                    "have taken effect: check before you call again."
                )
        if claimed.losses >= self._losses_max:
            raise DeadLettered(
                f"The call ended the workers that ran it {claimed.losses} times, and was set aside: it is not run again. "
                f"The operator finds it with `toolmesh queue show {call.call_id}`."
            )

    def _defect(self, run: Run) -> MeshError:
        if run.lease.committed:
            return OutcomeUnknown("The call failed after it had begun to change something. Check before you call again.")
        return Internal("The call failed inside ToolMesh. The operator finds the cause under the call id.")


def _failed(run: Run, error: MeshError) -> tuple[Final, str]:
    """How a call ended that has no result."""
    if error.code == OutcomeUnknown.code:
        error.data = check_of(run.call) | (error.data or {})
    return failure_of(run.call, run.seq + 1, error), error.code


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
