"""Runs what has broken out of its engine, in real children, as a worker does with scripts."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from shared.settings import Settings
from tests.hostile.case import Case, Ended
from tests.workers.children.house_of_scripts import LIMITS
from workers.children.engine import Engine
from workers.children.pool import Pool
from workers.children.scripts import ENGINE, Answered, Asked, Ran, Script, Scripts

_BROKEN = Engine(ENGINE, "broken_engine", paths=(str(Path(__file__).parent),))
_AFTERWARDS = "found = '\"fresh\"'"
_SLACK_S = 5.0


class Breakout:
    """Children with a broken engine. `reached`: what they asked for and were to be given."""

    def __init__(self, budget_s: float) -> None:
        self._pool = Pool(Settings(children_spare=1, children_idle_s=1), {ENGINE: _BROKEN})
        self._scripts = Scripts(self._pool)
        self._limits = replace(LIMITS, wall_s=budget_s)
        self.reached: list[str] = []

    async def ends(self, case: Case) -> Ended:
        """Run one case, and then a script of another caller, which must find nothing of it. Each case has a caller of its
        own: a child that was broken out of may answer for the next run of the same one (docs/sandbox.md)."""
        began = time.monotonic()
        ran = await self._run(case.code, f"mallory, {case.name}")
        ended = _ended(ran, (time.monotonic() - began) * 1000)
        after = await self._run(_AFTERWARDS, "ada")
        assert after.value == b'"fresh"', f"the run after {case.name} had {after}"
        return ended

    async def ready(self) -> None:
        """Have a child ready, so that the first case does not wait for one."""
        await self._run(_AFTERWARDS, "ada")

    async def _run(self, code: str, tenant: str) -> Ran:
        async def answer(asked: Asked) -> Answered:
            self.reached.append(asked.name)
            return Answered(ok=True, body=b"1")

        script = Script(code=code, tenant=tenant, limits=self._limits)
        async with asyncio.timeout(self._limits.wall_s + _SLACK_S):
            return await self._scripts.run(script, answer)

    async def close(self) -> None:
        """Nothing is left of it."""
        await self._pool.close()


def _ended(ran: Ran, took_ms: float) -> Ended:
    if ran.error is not None:
        return Ended(code=ran.error.code, says=ran.error.message, took_ms=took_ms, logs=ran.logs)
    return Ended(value=None if ran.value is None else json.loads(ran.value), took_ms=took_ms, logs=ran.logs)


def break_out(cases: Iterable[Case], budget_s: float, told: Callable[[Case, Ended], None]) -> list[str]:
    """Run all, one after the other, and tell how each ended; gives the names of all tools that were asked for."""

    async def run() -> list[str]:
        breakout = Breakout(budget_s)
        try:
            await breakout.ready()
            for case in cases:
                told(case, await breakout.ends(case))
            return breakout.reached
        finally:
            await breakout.close()

    return asyncio.run(run())
