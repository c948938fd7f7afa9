"""Scripts in real children, one after the other or at a time, for the tests of a module."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from shared.settings import Settings
from workers.children.pool import Pool
from workers.children.scripts import Answered, Asked, Ran, Script, ScriptError, ScriptLimits, Scripts

T = TypeVar("T")
Answer = Callable[[Asked], Awaitable[Answered]]
LIMITS = ScriptLimits(
    wall_s=20,
    heap_bytes=64 * 1024 * 1024,
    stack_bytes=512 * 1024,
    calls_max=100,
    in_flight_max=16,
    argument_bytes_max=1024 * 1024,
    result_bytes_max=1024 * 1024,
    log_bytes_max=64 * 1024,
    discoveries_max=20,
)


def answered(value: Any) -> Answered:
    return Answered(ok=True, body=json.dumps(value).encode())


def refused(code: str, message: str, **facts: Any) -> Answered:
    return Answered(ok=False, body=json.dumps({"code": code, "message": message, **facts}).encode())


async def echo(asked: Asked) -> Answered:
    """What was asked for; `fail` fails, with the arguments as the error; `big` gives a text of as many characters."""
    given = json.loads(asked.arguments)
    if asked.name == "fail":
        return refused(given.pop("code", "upstream_error"), given.pop("message", "It failed."), **given)
    if asked.name == "big":
        return answered("x" * given["size"])
    return answered({"kind": asked.kind, "name": asked.name, "given": given})


class House:
    """A pool of children, and an event loop that runs while a test waits."""

    def __init__(self, **settings: Any) -> None:
        self._runner = asyncio.Runner()
        self.settings = Settings(**settings)
        self.pool = Pool(self.settings)
        self.scripts = Scripts(self.pool)
        self.asked: list[Asked] = []
        """By the script that ran last."""

    def wait(self, work: Awaitable[T], timeout_s: float = 60.0) -> T:
        """What the work gives, while everything else in the house goes on."""

        async def bounded() -> T:
            async with asyncio.timeout(timeout_s):
                return await work

        return self._runner.run(bounded())

    async def run(
        self,
        code: str,
        answer: Answer = echo,
        *,
        tenant: str = "ada",
        api: Any = "toolmesh",
        params: Any = None,
        **limits: Any,
    ) -> Ran:
        """Run a script."""
        text = None if params is None else json.dumps(params).encode()
        bounds = replace(LIMITS, **limits)
        return await self.scripts.run(Script(code=code, api=api, params=text, tenant=tenant, limits=bounds), answer)

    def ran(self, code: str, answer: Answer = echo, **options: Any) -> Ran:
        """The same, waited for; `asked` has what it asked for."""
        self.asked = []

        async def noting(asked: Asked) -> Answered:
            self.asked.append(asked)
            return await answer(asked)

        return self.wait(self.run(code, noting, **options))

    def value(self, code: str, answer: Answer = echo, **options: Any) -> Any:
        """What a script returned, which has to be something."""
        ran = self.ran(code, answer, **options)
        assert ran.error is None, ran.error
        assert ran.value is not None
        return json.loads(ran.value)

    def error(self, code: str, answer: Answer = echo, **options: Any) -> ScriptError:
        """Why a script failed, which it has to."""
        ran = self.ran(code, answer, **options)
        assert ran.error is not None, ran.value
        assert ran.value is None
        return ran.error

    def close(self) -> None:
        """No child is left."""
        self.wait(self.pool.close())
        self._runner.close()
