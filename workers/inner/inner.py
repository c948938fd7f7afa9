"""What one running call makes further calls with."""

import asyncio
from typing import Protocol

from shared.errors import MeshError
from shared.inner import NOT_COMMITTED, Asked, InnerRequest, InnerResult
from workers.backends.backend import InnerAnswer
from workers.run import Run


class Asks(Protocol):
    """Who sends requests and waits for their answers."""

    async def ask(self, run: Run, request: InnerRequest) -> InnerResult:
        """The answer to a request."""
        ...


class RunInner:
    """Fills the seam `Inner` for one run. Mutable: numbers the requests, and knows which have no answer."""

    def __init__(self, run: Run, asks: Asks, worker_id: str) -> None:
        self.run = run
        self.over: asyncio.Future[MeshError] = asyncio.get_running_loop().create_future()
        self._asks = asks
        self._worker_id = worker_id
        self._asked = 0
        self._unanswered: set[int] = set()
        self._committed = False
        self._committing = asyncio.Lock()

    async def call(self, tool: str, arguments: bytes) -> InnerAnswer:
        """Have a tool run. The run is marked as one that may have changed something before its first that is no read."""
        return await self._answer("call", tool, arguments)

    async def discover(self, arguments: bytes) -> InnerAnswer:
        """Look for tools."""
        return await self._answer("discover", "", arguments)

    async def describe(self, tool: str) -> InnerAnswer:
        """One tool's whole definition."""
        return await self._answer("describe", tool, b"{}")

    def end(self, why: MeshError) -> None:
        """No further calls; who runs the call is to end it."""
        if not self.over.done():
            self.over.set_result(why)

    def close(self) -> tuple[int, ...]:
        """The run is over; gives the ordinals of what has no answer."""
        self.over.cancel()
        return tuple(sorted(self._unanswered))

    async def _answer(self, asks: Asked, tool: str, arguments: bytes) -> InnerAnswer:
        self._asked += 1
        ordinal = self._asked
        while True:
            if self.over.done():
                raise self.over.result()
            committed = self._committed
            result = await self._ask(ordinal, asks, tool, arguments)
            if result.code != NOT_COMMITTED or committed:
                return InnerAnswer(
                    tool=result.tool,
                    call_id=result.call_id,
                    body=result.body,
                    code=result.code,
                    detail=result.detail,
                    data=result.data,
                    notice=result.notice,
                )
            await self._commit()

    async def _ask(self, ordinal: int, asks: Asked, tool: str, arguments: bytes) -> InnerResult:
        request = InnerRequest(
            grant=self.run.call.grant,
            parent=self.run.call.call_id,
            ordinal=ordinal,
            asks=asks,
            tool=tool,
            arguments=arguments,
            reply=self._worker_id,
            committed=self._committed,
            at_ms=0,
        )
        self._unanswered.add(ordinal)
        try:
            result = await self._asks.ask(self.run, request)
        except MeshError as error:
            if error.code == "outcome_unknown":
                self.end(error)
            raise
        self._unanswered.discard(ordinal)
        return result

    async def _commit(self) -> None:
        """Mark the run, once. Raises what says that this worker may not act (any more); the run ends by it."""
        async with self._committing:
            if self._committed:
                return
            try:
                await self.run.dispatch()
            except MeshError as error:
                self.end(error)
                raise
            self._committed = True
