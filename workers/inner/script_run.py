"""One run of one script: its calls are made, counted and told of, and it ends in time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import msgspec

from shared.errors import Cancelled, MeshError
from workers.backends.backend import Inner, InnerAnswer, Invocation
from workers.children.script import Answered, Asked, Ran, Script, ScriptError
from workers.inner.called import Called
from workers.inner.values import answered, failure, found

MARGIN_S = 0.5
"""How long before its call's deadline a script is ended, so that there is time to say what it has done."""
_encode = msgspec.json.Encoder().encode


class Runs(Protocol):
    """Who runs scripts."""

    async def run(self, script: Script, answer: Callable[[Asked], Awaitable[Answered]]) -> Ran:
        """Run a script to its end."""
        ...


class ScriptRun:
    """Mutable: remembers what was called."""

    def __init__(self, invocation: Invocation, inner: Inner, named: Callable[[str], str] = lambda name: name) -> None:
        """`named`: what the mesh calls a tool that the script calls so. Raises MeshError for what it may not call."""
        self._named = named
        self.called: list[Called] = []
        self._invocation = invocation
        self._inner = inner
        self._done = 0

    async def end(self, runs: Runs, script: Script) -> Ran:
        """How the script ended. Raises MeshError where its call is to end with that, whatever the script did."""
        run = asyncio.get_running_loop().create_task(runs.run(script, self._answer))
        over = self._inner.over
        try:
            async with asyncio.timeout_at(self._invocation.deadline - MARGIN_S):
                await asyncio.wait((run, over), return_when=asyncio.FIRST_COMPLETED)
            if run.done():
                return run.result()
            why = over.result()
            if why.code != Cancelled.code:
                raise why
            return Ran(error=ScriptError(code=why.code, message=why.detail))
        except TimeoutError:
            message = "The time of the call was over before the script had ended."
            return Ran(error=ScriptError(code="script_timeout", message=message))
        except MeshError as error:
            if over.done() and not over.cancelled() and error is over.result():
                raise
            return Ran(error=ScriptError(code=error.code, message=error.detail))
        finally:
            run.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.shield(asyncio.gather(run, return_exceptions=True))

    async def _answer(self, asked: Asked) -> Answered:
        try:
            if asked.kind == "discover":
                return found(await self._inner.discover(asked.arguments))
            if asked.kind == "describe":
                return found(await self._inner.describe(asked.name))
            return await self._call(asked)
        except MeshError as error:  # the call may not go on: `over` says so too, and ends the run
            return failure(error.code, error.detail)

    async def _call(self, asked: Asked) -> Answered:
        name = self._named(asked.name)
        call = Called(ordinal=asked.ordinal, tool=asked.name)
        self.called.append(call)
        answer: InnerAnswer = await self._inner.call(name, asked.arguments)
        given = answered(answer)
        call.end(answer, given)
        self._done += 1
        self._tell()
        return given

    def _tell(self) -> None:
        if not self._invocation.wants_progress:
            return
        done, total = self._done, len(self.called)
        calls = "call" if total == 1 else "calls"
        params = {"progress": done, "total": total, "message": f"{done} of {total} {calls}"}
        self._invocation.report(_encode(params))
