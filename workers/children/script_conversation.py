"""What a worker and the child that runs a script say to one another. Nothing that the child says is trusted."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from shared.errors import MeshError, SandboxCrashed
from workers.children.children import Child
from workers.children.frames import FrameError
from workers.children.script import Answered, Asked, Ran, Script, ScriptError, Thrown

_NAME_CHARACTERS_MAX = 256
_MESSAGE_CHARACTERS_MAX = 10_000
_ARGUMENTS_ROOM_BYTES = 64
"""What stands around the text of `discover`."""
_LOG_LINE_ROOM_BYTES = 200
"""The line that says that a log was cut comes on top of its limit."""
_OF_CHILD = {"memory": "script_out_of_memory", "too_large": "script_result_too_large", "engine": "sandbox_crashed"}
"""What a child says by itself, where its engine could not."""

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any = msgspec.json.Decoder(msgspec.Raw)
_encode = msgspec.json.Encoder().encode


class _Error(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    message: str
    line: int | None = None
    column: int | None = None
    thrown: Thrown | None = None


class _Done(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: str | None
    error: _Error | None
    logs: list[str]


class _Calls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    calls: list[tuple[int, Literal["call", "discover", "describe"], str, str]]
    logs: list[str] = []


class _End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    done: _Done


class ScriptConversation:
    """Mutable: one run, from the job to its end."""

    def __init__(self, script: Script, answer: Callable[[Asked], Awaitable[Answered]]) -> None:
        self._script = script
        self._limits = script.limits
        self._answer = answer
        self._ordinal = 0
        self._made = {"call": 0, "look": 0}
        self._in_flight = 0
        self._running: set[asyncio.Task[None]] = set()
        self._results: list[tuple[int, bool, str]] = []
        self._sending: asyncio.Task[None] | None = None
        self._logs: list[str] = []
        self._log_bytes = 0
        self.broken: Exception | None = None
        """What `answer` raised and is no MeshError: a defect of ours."""

    def cut_off(self, code: str, message: str) -> Ran:
        """The end of a run that has no other: an error, and what was logged so far."""
        return Ran(error=ScriptError(code=code, message=message), logs=tuple(self._logs))

    async def hold(self, child: Child) -> Ran:
        """All of it. Raises what the child raises, SandboxCrashed for nonsense, FrameError for a job that is too large."""
        try:
            await child.send(self._job())
            while True:
                message = await child.receive()
                if "done" in message:
                    return self._ran(message)
                self._start(message, child)
        finally:
            await self._end_all()

    def _job(self) -> dict[str, Any]:
        script, limits = self._script, self._limits
        return {
            "run": "javascript",
            "code": script.code,
            "api": script.api,
            "params": None if script.params is None else script.params.decode(),
            "limits": {
                "heap_bytes": limits.heap_bytes,
                "stack_bytes": limits.stack_bytes,
                "calls_max": limits.calls_max,
                "in_flight_max": limits.in_flight_max,
                "argument_bytes_max": limits.argument_bytes_max,
                "result_bytes_max": limits.result_bytes_max,
                "log_bytes_max": limits.log_bytes_max,
                "log_lines_max": limits.log_lines_max,
                "discoveries_max": limits.discoveries_max,
                "steps_max": limits.steps_max,
            },
        }

    def _start(self, message: dict[str, Any], child: Child) -> None:
        try:
            said = msgspec.convert(message, _Calls)
            self._log(said.logs)
            asked = [self._asked(*call) for call in said.calls]
            self._in_flight += len(asked)
            if self._in_flight > self._limits.in_flight_max:
                raise ValueError("more at a time than it may")
        except (msgspec.MsgspecError, ValueError) as cause:
            raise SandboxCrashed("The sandbox asked for what it can't ask for, and was ended.") from cause
        for ask in asked:
            task = asyncio.create_task(self._serve(ask, child))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _asked(self, ordinal: int, kind: Literal["call", "discover", "describe"], name: str, arguments: str) -> Asked:
        """Raises ValueError for what the bridge would not say."""
        limits = self._limits
        self._ordinal += 1
        counted, most = ("call", limits.calls_max) if kind == "call" else ("look", limits.discoveries_max)
        self._made[counted] += 1
        body = arguments.encode()
        if ordinal != self._ordinal or self._made[counted] > most:
            raise ValueError("it does not count")
        if bool(name) is (kind == "discover") or len(name) > _NAME_CHARACTERS_MAX or not _is_printable(name):
            raise ValueError("no name")
        if len(body) > limits.argument_bytes_max + _ARGUMENTS_ROOM_BYTES:
            raise ValueError("too large")
        _object.decode(body)
        return Asked(ordinal=ordinal, kind=kind, name=name, arguments=body)

    async def _serve(self, asked: Asked, child: Child) -> None:
        try:
            try:
                answered = await self._answer(asked)
            except MeshError as cause:
                answered = _failed(cause.code, cause.detail, retryable=cause.retryable, data=cause.data)
            result = asked.ordinal, answered.ok, answered.body.decode()
        except Exception as cause:
            self.broken = cause
            child.kill()
            return
        self._in_flight -= 1
        self._results.append(result)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(child))

    async def _send(self, child: Child) -> None:
        """Whatever is there to be told, in one frame; what does not fit is told by itself, or refused."""
        try:
            while self._results:
                results, self._results = self._results, []
                try:
                    await child.send({"results": results})
                except FrameError:
                    for ordinal, ok, body in results:
                        await self._send_one(child, ordinal, ok, body)
        except MeshError:
            return  # the child is dead, and who listens to it hears of that
        finally:
            self._sending = None

    async def _send_one(self, child: Child, ordinal: int, ok: bool, body: str) -> None:
        try:
            await child.send({"results": [(ordinal, ok, body)]})
        except FrameError:
            refused = _failed("result_too_large", "The result is too large for a script: ask for less of it.")
            await child.send({"results": [(ordinal, False, refused.body.decode())]})

    def _ran(self, message: dict[str, Any]) -> Ran:
        try:
            done = msgspec.convert(message, _End).done
            self._log(done.logs)
            value = None if done.value is None else done.value.encode()
            if value is not None:
                if len(value) > self._limits.result_bytes_max or done.error is not None:
                    raise ValueError("too large, or an error as well")
                _any.decode(value)
            if done.error is not None and len(done.error.message) > _MESSAGE_CHARACTERS_MAX:
                raise ValueError("too long")
        except (msgspec.MsgspecError, ValueError) as cause:
            raise SandboxCrashed("The sandbox gave what is no result, and was ended.") from cause
        error = None
        if done.error is not None:
            said = done.error
            code = _OF_CHILD.get(said.code, said.code)
            error = ScriptError(code=code, message=said.message, line=said.line, column=said.column, thrown=said.thrown)
        return Ran(value=value, error=error, logs=tuple(self._logs))

    def _log(self, lines: list[str]) -> None:
        """Raises ValueError for more than the bridge would say."""
        self._logs.extend(lines)
        self._log_bytes += sum(len(line.encode()) for line in lines)
        limits = self._limits
        if self._log_bytes > limits.log_bytes_max + _LOG_LINE_ROOM_BYTES or len(self._logs) > limits.log_lines_max + 1:
            del self._logs[limits.log_lines_max :]
            raise ValueError("too much of a log")

    async def _end_all(self) -> None:
        tasks = [*self._running, *([self._sending] if self._sending else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_printable(name: str) -> bool:
    return all(character >= " " and character != "\x7f" for character in name)


def _failed(code: str, message: str, **facts: Any) -> Answered:
    return Answered(ok=False, body=_encode({"code": code, "message": message, **facts}))
