"""authorize → resolve → dispatch → execute: from a verified call to the backend's result, or to why there is none."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from shared.catalogue import is_keyed
from shared.errors import (
    BrokerUnavailable,
    Cancelled,
    DeadlineExceeded,
    DefinitionChanged,
    Internal,
    MeshError,
    OutcomeUnknown,
    UpstreamBadResponse,
    UpstreamTimeout,
    UpstreamTooLarge,
)
from shared.settings import Settings
from workers.authorize import Authorizer
from workers.backends.backend import Inner, Invocation
from workers.inner.asking import Asking
from workers.leases import Stop
from workers.owners import Hold, Owners
from workers.parking import Errand, Parked
from workers.rounds import Rounds, asks_for_input
from workers.run import Run

_TRIES = 3
"""Runs after which a call is not put back any more because of what this worker knows and its edge does not, or the other
way round: in between roles come to know the same."""
_PUT_BACK_S = 0.3

_TOO_LATE = "The call waited in the queue until its time was over; nothing was started."
_TOO_LATE_AGAIN = (
    "The call lost its worker, and waited in the queue until its time was over. It may have taken effect; sending it again "
    "is safe."
)
_TOO_LATE_KEYED = (
    "The call lost its worker, and waited in the queue until its time was over. It may have taken effect: check before you "
    "call again."
)

_UNKNOWN_OUTCOME = (UpstreamTimeout, UpstreamBadResponse, UpstreamTooLarge)
"""Failures after which nobody knows whether the upstream did what it was asked."""


class PutBack(Exception):
    """The job is for another worker, or for another moment. With an argument it is to be put back for that many seconds;
    without one it is not in our hands any more."""


class Execution:
    """Executes calls."""

    def __init__(self, owners: Owners, authorizer: Authorizer, asking: Asking, settings: Settings) -> None:
        self._owners = owners
        self._authorizer = authorizer
        self._asking = asking
        self._rounds = Rounds(settings)
        self._asks_max = settings.asks_per_call_max
        self._parked_s = settings.parked_s
        self.parked = Parked(settings)
        """Upstream calls that wait for their clients to come back."""

    async def execute(self, run: Run) -> bytes:
        """The result of a call. Raises MeshError for how else it ended, PutBack when it has not ended here."""
        lease = run.lease
        loop = asyncio.get_running_loop()
        if lease.deadline <= loop.time():
            if _keyed_may_have_been_sent(run):
                raise OutcomeUnknown(_TOO_LATE_KEYED)
            raise DeadlineExceeded(_TOO_LATE_AGAIN if _may_have_been_sent(run) else _TOO_LATE)
        timer = loop.call_at(lease.deadline, lease.stop, Stop.DEADLINE)
        try:
            self._authorize(run)
            if run.call.parked:
                return await self._take_up(run)
            self._resolve(run)
            if run.call.owner and run.served.entry.affinity != "none":
                return await self._execute_for_owner(run)
            return await self._call_backend(run)
        except asyncio.CancelledError:
            if lease.stopped is None:
                raise
            lease.task.uncancel()
            raise self._stopped(run) from None
        finally:
            timer.cancel()

    async def _execute_for_owner(self, run: Run) -> bytes:
        """Execute where the upstream session of the call's owner is; that may be at another worker."""
        run.lease.in_transit = True
        try:
            hold = await self._owners.hold(run.call, run.claimed)
        except BrokerUnavailable:
            raise PutBack(_PUT_BACK_S) from None
        run.lease.in_transit = False
        if hold in (Hold.MOVED, Hold.LEASE_LOST):
            raise PutBack
        if hold is Hold.TAKEN_OVER:
            run.renewed()
        untold = True
        try:
            body = await self._call_backend(run)
            untold = False
            return body
        finally:
            self._owners.release(run.group, run.call, untold=untold and run.session_renewed)

    async def _call_backend(self, run: Run) -> bytes:
        if run.client.asking == "retry" and run.client.capabilities != b"{}" and not run.call.grant:
            return await self._run_errand(run)
        with self._asking.of(run) as inner:
            invocation = _invocation(run, run, run.lease.deadline, inner)
            body = await self._answer(run, run.served.backend.call(invocation))
            if not asks_for_input(body):
                return body

            async def again(inputs: bytes) -> bytes:
                return await self._answer(run, run.served.backend.call(replace(invocation, inputs=inputs)))

            return await self._rounds.settle(run, body, again)

    async def _run_errand(self, run: Run) -> bytes:
        """Execute in a task that may outlive the job: a client that is asked by a result has to come back."""
        errand = Errand(run, self._asks_max)
        deadline = run.lease.deadline + self._parked_s
        errand.start(run.served.backend.call(_invocation(run, errand, deadline)))
        return await self._await_errand(run, errand)

    async def _take_up(self, run: Run) -> bytes:
        """Go on with a call that was left waiting for its client, who is back."""
        errand = self.parked.take(run.call)
        try:
            await run.dispatch()
        except BaseException:
            await errand.give_up()
            raise
        errand.resume(run)
        return await self._await_errand(run, errand)

    async def _await_errand(self, run: Run, errand: Errand) -> bytes:
        async def next_body() -> bytes:
            body = await errand.next()
            return self.parked.park(run, errand) if body is None else body

        try:
            body = await self._answer(run, next_body())
        except BaseException:
            await errand.give_up()
            raise
        return body if run.parked else await self._rounds.settle(run, body, _never)

    async def _answer(self, run: Run, answer: Coroutine[Any, Any, bytes]) -> bytes:
        """Await the upstream's answer; where nobody knows what became of a write, say so."""
        try:
            return await answer
        except _UNKNOWN_OUTCOME as error:
            if not (run.lease.committed or _keyed_may_have_been_sent(run)):
                raise
            raise OutcomeUnknown(
                f"The write was sent, and then: {error.detail} It may have taken effect: check before you call again."
            ) from error

    def _authorize(self, run: Run) -> None:
        """Make sure that this worker's own rules allow the call. Raises NotAuthorized, PutBack."""
        if self._authorizer.allows(run) or not (run.call.parked or _serves(run)):
            return  # what is not served here as it was validated is not run here: `_resolve` says what becomes of it
        if run.claimed.fence < _TRIES:
            raise PutBack(_PUT_BACK_S)  # the file has just changed, and not every role has read it yet
        raise self._authorizer.refuse(run)  # a call that is parked here for it ends by its own time

    def _resolve(self, run: Run) -> None:
        """Make sure that the tool is still what the arguments were validated against."""
        if _serves(run):
            return
        if run.claimed.fence < _TRIES:
            raise PutBack(_PUT_BACK_S)
        raise DefinitionChanged(
            "The tool's definition changed while the call was on its way; nothing was started. "
            "List the tools and call again."
        )

    def _stopped(self, run: Run) -> MeshError | PutBack:
        """What a stopped call ends with."""
        why = run.lease.stopped
        if why is Stop.LEASE_LOST:
            return PutBack()
        if run.lease.committed:
            return OutcomeUnknown(
                "The write was sent and had no answer when its time was over. It may have taken effect: check before you "
                "call again."
            )
        if why is Stop.SHUTDOWN:
            return PutBack(0.0)
        if _keyed_may_have_been_sent(run):
            return OutcomeUnknown(
                "The call was sent, and stopped before it had an answer. It may have taken effect: check before you call "
                "again, since a further call has an idempotency key of its own."
            )
        if why is Stop.DEADLINE:
            return DeadlineExceeded("The backend did not answer in the time that the call had.")
        if _may_have_been_sent(run):
            return Cancelled(
                "The call was cancelled when it was sent already, and may have taken effect. It may be repeated."
            )
        return Cancelled("The call was cancelled before it had changed anything.")


def _serves(run: Run) -> bool:
    """Whether this worker serves what the call is about, as it was when its arguments were validated."""
    if run.call.method != "tools/call":
        return True  # nothing was validated; the backend itself knows its prompts and resources
    definition = run.served.tools.get(run.call.tool)
    return definition is not None and definition.hash == run.call.definition


def _may_have_been_sent(run: Run) -> bool:
    """Whether an idempotent call was sent, in this run or in one before that lost its worker."""
    return run.call.access == "idempotent" and (run.lease.dispatched or run.claimed.losses > 0)


def _keyed_may_have_been_sent(run: Run) -> bool:
    """As before, of a call that may run twice where a further call would be a further change."""
    definition = run.served.tools.get(run.call.tool)
    return _may_have_been_sent(run) and definition is not None and is_keyed(definition)


def _invocation(run: Run, side: Run | Errand, deadline: float, inner: Inner | None = None) -> Invocation:
    """What the backend sees of a call; `side` is whom it speaks to, `inner` what it makes further calls with."""
    call = run.call
    return Invocation(
        call_id=call.call_id,
        method=call.method,
        tool=call.tool if call.method == "tools/call" else "",
        access=call.access,
        arguments=call.arguments,
        meta=call.meta,
        inputs=call.inputs,
        client=run.client,
        owner=call.owner,
        principal=call.principal,
        deadline=deadline,
        wants_progress=call.progress,
        report=side.report,
        notify=side.notify,
        ask=side.ask,
        dispatch=side.dispatch,
        renewed=side.renewed,
        inner=inner,
    )


async def _never(inputs: bytes) -> bytes:
    """A client that is asked by results sends its request again itself."""
    raise Internal("A request was to be sent again that its client sends again.")
