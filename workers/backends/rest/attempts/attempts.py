"""Sends a request until its answer is final, or the call's time is over."""

import asyncio
import random

import structlog

from workers.backends.backend import Invocation
from workers.backends.rest.answer import Answer
from workers.backends.rest.attempts.idempotency_key import with_key
from workers.backends.rest.attempts.rate_limits import RateLimits
from workers.backends.rest.attempts.statuses import succeeded
from workers.backends.rest.attempts.tries import TRIED_AGAIN, Tries
from workers.backends.rest.auth.authenticator import Authenticator, authenticator_of, signed
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.failed import Failed
from workers.backends.rest.request import Request
from workers.backends.rest.response.streaming import streaming_of
from workers.backends.rest.wire import Wire
from workers.egress.outgoing import Outgoing

log = structlog.get_logger()

_UNAUTHORIZED = 401
_CROWD_S_MAX = 1.0


class Attempts:
    """All requests of one backend."""

    def __init__(
        self,
        wire: Wire,
        authenticator: Authenticator,
        *,
        slots: asyncio.Semaphore,
        rate_limits: RateLimits,
        redirects_max: int,
    ) -> None:
        """`slots`: requests of this worker at a time. Who waits to send again holds none. `redirects_max`: of one request
        that reads; no other one follows any."""
        self._wire = wire
        self._authenticator = authenticator
        self._slots = slots
        self._rate_limits = rate_limits
        self._redirects_max = redirects_max

    async def send(self, request: Request, tool: Tool, invocation: Invocation, ordinal: int = 0) -> Answer:
        """The answer to a request that succeeded. `ordinal`: which of the call's requests it is.

        Raises Failed for an answer that says it failed, and where the API's rate limit is used up; EgressDenied,
        UpstreamUnreachable, UpstreamTimeout, UpstreamTooLarge, UpstreamBadResponse.
        """
        if tool.idempotency is not None:
            request = with_key(request, tool.idempotency.header, invocation.call_id, ordinal)
        tries = Tries(tool, invocation)
        while True:
            await self._wait_for_rate_limit(tool, tries)
            try:
                answer = await self._answer(request, tool, invocation, tries)
            except TRIED_AGAIN as error:
                pause_s, why = tries.pause_after(error), error.code
            else:
                if succeeded(answer.status):
                    return answer
                pause_s, why = tries.pause_after_answer(answer), str(answer.status)
            log.debug("request is sent again", call_id=invocation.call_id, tool=invocation.tool, why=why)
            await asyncio.sleep(pause_s)

    async def _answer(self, request: Request, tool: Tool, invocation: Invocation, tries: Tries) -> Answer:
        """One answer. A 401 was refused before anything was done: with a new token it is asked once more."""
        sent, answer = await self._exchange(request, tool, invocation, tries)
        if answer.status == _UNAUTHORIZED and not tries.renewed and not answer.strange:
            tries.renewed = True
            if await authenticator_of(request, self._authenticator).renew(sent, answer):
                _, answer = await self._exchange(request, tool, invocation, tries)
        return answer

    async def _exchange(
        self, request: Request, tool: Tool, invocation: Invocation, tries: Tries
    ) -> tuple[Outgoing, Answer]:
        outgoing = await signed(request, self._authenticator)
        async with self._slots:
            await invocation.dispatch()
            streaming = streaming_of(tool.response)
            redirects_max = self._redirects_max if invocation.access == "read" else 0
            answer = await self._wire.send(
                outgoing, within_s=tries.left_s(), streaming=streaming, redirects_max=redirects_max
            )
        if not answer.strange:
            authenticator_of(request, self._authenticator).note(answer)
            self._rate_limits.note(answer, tool.errors)
        return outgoing, answer

    async def _wait_for_rate_limit(self, tool: Tool, tries: Tries) -> None:
        """Wait until the API takes requests again. Raises Failed where the call has not so much time."""
        if tool.errors is None or tool.errors.rate_limit is None:
            return
        while (wait_s := await self._rate_limits.wait_s()) > 0:
            if wait_s >= tries.left_s():
                why = "By its own word the API takes no more requests for now."
                why += "" if tries.began else " Nothing was sent."
                raise Failed("rate_limited", why, retryable=True, retry_after_s=wait_s)
            await asyncio.sleep(wait_s + random.uniform(0.0, min(wait_s / 10, _CROWD_S_MAX)))  # noqa: S311 (not all at once)
