"""Runs a script: `{"run": "javascript", "code", "api", "params", "limits"}` to its `{"value", "error", "logs"}`.

On the way it sends `{"calls": [[ordinal, kind, name, arguments], …], "logs": [line, …]}`, and gets `{"results": [[ordinal,
ok, body], …]}`; arguments, bodies, `params` and the value are JSON texts. What was logged is said once: with calls, or at
the end.

The engine can't call Python, and has no clock of its own: a script leaves its calls with the bridge, and they are fetched
when it waits. An endless loop ends with the child, from outside.
"""

import json
from collections.abc import Iterator
from typing import Any

from workers.children.inside import typescript
from workers.children.inside.port import Port
from workers.children.inside.positions import ends_too_early, position, wrapped
from workers.children.inside.realm import JSException, Realm

_JOBS_AT_A_TIME = 1_000
_MEMORY_FULL = 0.9
_FRAME_CHARACTERS = 512 * 1024


class ScriptFailed(Exception):
    """The script has no value: `code` is the slug; the text is for who wrote it."""

    def __init__(self, code: str, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.fields: dict[str, Any] = {"code": code, "message": message, "line": line, "column": column}


class NoJavaScript(ScriptFailed):
    """It does not parse; it may be TypeScript."""


class Run:
    """Mutable: one script on its way."""

    def __init__(self, realm: Realm, job: dict[str, Any], port: Port) -> None:
        self._realm = realm
        self._code: str = job["code"]
        self._api: str = job["api"]
        self._params: str | None = job["params"]
        self._limits: dict[str, int] = job["limits"]
        self._port = port
        self._asked: list[list[Any]] = []
        self._count = 0
        """Of what the bridge has queued."""
        self._sent: list[int] = []
        """By the ordinal that the worker knows, less one: what the bridge counts it as."""
        self._running = 0
        self._logs: list[str] = []
        self._log_room = self._limits["log_bytes_max"]
        self._log_cut = False

    def to_its_end(self) -> dict[str, Any]:
        """What the worker is told. Raises what the port raises."""
        value, error = None, None
        try:
            self._begin()
            self._go_on()
            value = self._value()
        except ScriptFailed as cause:
            error = cause.fields
        except JSException as cause:
            error = self._of_engine(cause).fields
        self._drain_log()
        return {"value": value, "error": error, "logs": self._logs}

    def _begin(self) -> None:
        limits = self._limits
        self._realm.limit(limits["heap_bytes"], limits["stack_bytes"])
        self._realm.begin(
            self._api,
            limits["calls_max"],
            limits["discoveries_max"],
            limits["argument_bytes_max"],
            limits["result_bytes_max"],
            limits["log_lines_max"],
            limits["log_bytes_max"],
            self._params,
        )
        self._realm.start(self._compiled())

    def _compiled(self) -> Any:
        """The function to run. As TypeScript it is read where it is no JavaScript, or may mean something else there."""
        code = self._code.encode("utf-8", "replace").decode()
        if "\0" in code:
            line = code[: code.index("\0")].count("\n") + 1
            raise ScriptFailed("script_syntax", "SyntaxError: a NUL character can't stand in a script: write \\0", line)
        wrong: NoJavaScript | None = None
        if not typescript.looks_generic(code):
            try:
                return self._evaluated(code)
            except NoJavaScript as cause:
                wrong = cause
        try:
            code = typescript.blanked(code)
        except typescript.NoTypes:
            if wrong is not None:
                raise wrong from None
        except typescript.Unsupported as cause:
            raise ScriptFailed("script_syntax", f"SyntaxError: {cause}", cause.line, cause.column) from None
        return self._evaluated(code)

    def _evaluated(self, code: str) -> Any:
        text = wrapped(code)
        try:
            function = self._realm.context.eval(f"({text})")
        except JSException as cause:
            raise self._of_parser(cause) from None
        if not self._realm.is_whole(function, text):
            raise ScriptFailed("script_syntax", "SyntaxError: a bracket is closed that the script did not open")
        return function

    def _go_on(self) -> None:
        while True:
            self._work()
            ended = self._realm.ended()
            if ended == "error" or (ended and not self._asked and not self._running):
                return
            if not self._asked and not self._running:
                if self._is_full():  # too full to go on with what it waits for
                    raise self._out_of_memory()
                raise ScriptFailed(
                    "script_deadlock",
                    "The script waits for a promise that nothing can resolve any more: no call is running, and nothing else"
                    " is to be done. Resolve it in the script, or do not await it.",
                )
            self._ask()
            self._hear()

    def _work(self) -> None:
        """All that can be done without an answer. What is asked for in between goes out in between."""
        done = 0
        more = self._realm.context.execute_pending_job
        while more() or self._collect():
            done += 1
            if done % _JOBS_AT_A_TIME == 0:
                self._collect()
                if self._asked and self._running < self._limits["in_flight_max"]:
                    self._ask()
                if self._running and self._port.waiting():
                    self._hear()
                    done = 0
                if done >= self._limits["steps_max"]:
                    message = f"The script went {done} steps of promises without waiting for a call: a loop has no end."
                    raise ScriptFailed("script_endless", message)

    def _collect(self) -> bool:
        """Take over what was asked for; whether something of it was answered at once."""
        take, most = self._realm.take, self._limits["argument_bytes_max"]
        refused = False
        while (text := take()) is not None:
            kind, arguments, name = text.split("\n", 2)
            self._count += 1
            size = len(arguments.encode())
            if size <= most:
                self._sent.append(self._count)
                self._asked.append([len(self._sent), kind, name, arguments])
            else:  # the bridge counts units of UTF-16
                message = f"Its arguments have {size} bytes; {most} is the most."
                self._realm.settle(self._count, False, json.dumps({"code": "arguments_too_large", "message": message}))
                refused = True
        return refused

    def _ask(self) -> None:
        free = self._limits["in_flight_max"] - self._running
        going, self._asked = self._asked[:free], self._asked[free:]
        self._running += len(going)
        self._drain_log()
        for calls in _frames(going):
            self._port.send({"calls": calls, "logs": self._logs})
            self._logs = []

    def _hear(self) -> None:
        for ordinal, ok, body in self._port.receive()["results"]:
            self._running -= 1
            self._realm.settle(self._sent[ordinal - 1], ok, body)

    def _value(self) -> str | None:
        self._realm.make_room(self._limits["heap_bytes"])
        said: str | None = self._realm.finish()
        if said is None:
            raise self._out_of_memory()
        if said[0] == "e":
            told = json.loads(said[1:])
            failed = ScriptFailed(told["code"], told["message"], *position(told["stack"], self._code))
            if "thrown" in told:
                failed.fields["thrown"] = told["thrown"]
            raise failed
        if said[0] == "u":
            return None
        value, most = said[1:], self._limits["result_bytes_max"]
        if len(value.encode()) > most:
            message = f"What the script returned is larger than {most} bytes: return less."
            raise ScriptFailed("script_result_too_large", message)
        return value

    def _drain_log(self) -> None:
        try:
            while not self._log_cut and (text := self._realm.line()) is not None:
                self._log(json.loads(text))
        except JSException:
            self._log_cut = True

    def _log(self, line: Any) -> None:
        self._log_room -= len(line.encode()) if line is not False else 0
        if line is False or self._log_room < 0:
            self._log_cut = True
            limits = self._limits
            line = f"… the log ends here: it may have {limits['log_lines_max']} lines and {limits['log_bytes_max']} bytes"
        self._logs.append(line)

    def _of_parser(self, cause: Exception) -> ScriptFailed:
        message, _, stack = str(cause).partition("\n")
        line, column = position(stack, self._code)
        if "out of memory" in message:
            return self._out_of_memory()
        if not message.startswith("SyntaxError"):
            return ScriptFailed("script_syntax", "SyntaxError: the script is nested too deeply", line, column)
        if ends_too_early(stack, self._code):
            message = "SyntaxError: the script ends too early: something that it opens is not closed"
        elif line and self._code.split("\n")[line - 1].lstrip().startswith(("import ", "import{", "export ")):
            message = "SyntaxError: there is nothing to import here, and nobody to export to: use the tools, and return"
        return NoJavaScript("script_syntax", message, line, column)

    def _of_engine(self, cause: Exception) -> ScriptFailed:
        """A job threw by itself, or the bridge ran out of what it needs."""
        message, _, stack = str(cause).partition("\n")
        if "out of memory" in message or message in ("null", "") or self._is_full():
            return self._out_of_memory()
        return ScriptFailed("script_error", message, *position(stack, self._code))

    def _is_full(self) -> bool:
        used: int = self._realm.context.memory()["malloc_size"]
        return used > self._limits["heap_bytes"] * _MEMORY_FULL

    def _out_of_memory(self) -> ScriptFailed:
        mib = self._limits["heap_bytes"] / 2**20
        return ScriptFailed("script_out_of_memory", f"The script used up its memory ({mib:g} MiB): keep less at a time.")


def _frames(calls: list[list[Any]]) -> Iterator[list[list[Any]]]:
    """All calls at once, but for large ones: a frame has its limit. One frame without a call carries what was logged."""
    frame: list[list[Any]] = []
    size = 0
    for call in calls:
        if size + len(call[-1]) > _FRAME_CHARACTERS and frame:
            yield frame
            frame, size = [], 0
        frame.append(call)
        size += len(call[-1])
    yield frame


class _Spare:
    """Mutable: the realm for the next run, made while nobody waits; and the last one, let go of then."""

    def __init__(self) -> None:
        self.used: Realm | None = None
        self.next: Realm | None = Realm()


_spare = _Spare()


def prepare() -> None:
    """Get ready for the next run; nothing of the one before it is kept."""
    if _spare.used is not None:
        _spare.used.close()
        _spare.used = None
    if _spare.next is None:
        _spare.next = Realm()


def run(job: dict[str, Any], port: Port) -> dict[str, Any]:
    """Run one script, in a context of its own. Raises what the port raises."""
    prepare()
    realm, _spare.next = _spare.next, None
    assert realm is not None
    _spare.used = realm
    return Run(realm, job, port).to_its_end()
