"""The syntax of what a DADL file would run: scripts, and jq programs. The engines read it, in children; nothing is run."""

import contextlib
import re
import sys
from collections.abc import Iterator

import structlog

from shared.errors import TransformFailed
from shared.settings import Settings
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.problem import At, Problems
from workers.children.pool import Pool
from workers.children.scripts import Answered, Asked, Script, ScriptLimits, Scripts
from workers.children.transforms import Transforms

_NOT_RUN = "return;"
"""Before a script: the engine reads all of it, and is done."""
_COMPOSITES = ("backend", "composites")
_EXAMPLES = ("backend", "examples")
_LINE = re.compile(r"line ([0-9]{1,9})")
"""As jq says where something is wrong."""
_TENANT = "lint"
_LIMITS = ScriptLimits(
    wall_s=10.0,
    heap_bytes=64 * 1024 * 1024,
    stack_bytes=512 * 1024,
    calls_max=1,
    in_flight_max=1,
    argument_bytes_max=1024,
    result_bytes_max=1024,
    log_bytes_max=1024,
    discoveries_max=1,
)


class Syntax:
    """Engines that read what they are given. `async with` ends them; what they log goes nowhere but for errors."""

    def __init__(self) -> None:
        settings = Settings()
        self._pool = Pool(settings)
        self._scripts = Scripts(self._pool)
        self._transforms = Transforms(self._pool, settings)
        self._quiet = contextlib.ExitStack()

    async def __aenter__(self) -> "Syntax":
        self._quiet.enter_context(_errors_alone())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        self._quiet.close()

    async def check(self, definition: Definition, problems: Problems) -> None:
        """Note what can't be read. Raises MeshError (`sandbox_…`) where there are no children to be had."""
        for name, composite in definition.composites.items():
            if reason := await self._unreadable(composite.code):
                problems.error(f"the script can't be run: {reason[0]}", *_COMPOSITES, name, "code", inner=reason[1])
        for at, example in enumerate(definition.examples):
            if reason := await self._unreadable(example.code):
                problems.warn(f"the example can't be run: {reason[0]}", *_EXAMPLES, at, "code", inner=reason[1])
        seen: set[str] = set()
        for name, tool in definition.tools.items():
            program = tool.response.transform
            if program is not None and program not in seen:
                seen.add(program)
                await self._program(program, problems, "backend", "tools", name, "response", "transform")

    async def _unreadable(self, code: str) -> tuple[str, int] | None:
        """Why a script can't be read, and in which of its lines (0: unknown)."""
        script = Script(code=_NOT_RUN + code, api="api", params=b"{}", tenant=_TENANT, limits=_LIMITS)
        error = (await self._scripts.run(script, _answer)).error
        return (error.message, error.line or 0) if error is not None else None

    async def _program(self, program: str, problems: Problems, *way: At) -> None:
        try:
            await self._transforms.check(program)
        except TransformFailed as reason:
            said = reason.detail.partition("\n")[0].rstrip(":")
            line = _LINE.search(said)
            problems.error(said, *way, inner=int(line[1]) if line else 0)


async def _answer(asked: Asked) -> Answered:
    """A script that is not run asks for nothing."""
    return Answered(ok=False, body=b'{"code":"not_run","message":"not run"}')


@contextlib.contextmanager
def _errors_alone() -> Iterator[None]:
    """While children run here: standard output belongs to the command."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(40),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
