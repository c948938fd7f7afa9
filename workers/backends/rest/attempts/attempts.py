"""Sends a request until its answer is final."""

import asyncio

from workers.backends.backend import Invocation
from workers.backends.rest.answer import Answer
from workers.backends.rest.auth.authenticator import Authenticator
from workers.backends.rest.dadl.tool import Tool
from workers.backends.rest.failed import Failed
from workers.backends.rest.request import Request
from workers.backends.rest.wire import Wire


class Attempts:
    """All requests of one backend."""

    def __init__(self, wire: Wire, authenticator: Authenticator) -> None:
        self._wire = wire
        self._authenticator = authenticator

    async def send(self, request: Request, tool: Tool, invocation: Invocation, ordinal: int = 0) -> Answer:
        """The answer to a request that succeeded. `ordinal`: which of the call's requests it is.

        Raises Failed for an answer that says it failed; EgressDenied, UpstreamUnreachable, UpstreamTimeout,
        UpstreamTooLarge, UpstreamBadResponse.
        """
        await invocation.dispatch()
        left_s = invocation.deadline - asyncio.get_running_loop().time()
        answer = await self._wire.send(await self._authenticator.sign(request), within_s=left_s)
        if answer.status >= 400:
            raise Failed("client_error", answer.body.decode("utf-8", "replace"), status=answer.status)
        return answer
