"""Sends hostile scripts to a mesh, one after the other, and judges each: how it ended, how soon, and what it left."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.hostile.arena import BUDGET_MS, Arena
from tests.hostile.canary import PLANTED, Canary
from tests.hostile.case import Case, Ended
from tests.mesh import wait_until

LATE_MS = BUDGET_MS + 100
_TRIES_MAX = 3
"""A case that comes late is sent again: others use the machine as well. It counts as late if it is late each time."""
_KILLED = ("sandbox_timeout", "sandbox_memory", "sandbox_crashed")


@dataclass
class Trial:
    """What came of one case."""

    case: Case
    ended: Ended
    tries: int = 1
    wrong: str = ""
    """What was not as expected."""
    left: str = ""
    """What it left to others."""
    late_ms: float = LATE_MS
    """From when on it is late."""

    @property
    def as_expected(self) -> bool:
        """Whether all of it is."""
        return not (self.wrong or self.left or self.late)

    @property
    def late(self) -> bool:
        """Whether its caller had to wait for too long, each time."""
        return self.ended.took_ms > self.late_ms


class Trials:
    """Mutable: all so far."""

    def __init__(self, arena: Arena, told: Callable[[Trial], Any]) -> None:
        self._arena = arena
        self._told = told
        self._canaries = {"the same caller": Canary(arena, arena.a), "another caller": Canary(arena, arena.b)}
        self.done: list[Trial] = []
        self.calls: dict[str, int] = {}
        """How many calls of the ledger may have come, by token."""

    def run(self, cases: Iterable[Case]) -> None:
        """Each of them."""
        for case in cases:
            trial = self._tried(case)
            self.done.append(trial)
            self._told(trial)

    def _tried(self, case: Case) -> Trial:
        for tries in range(1, _TRIES_MAX + 1):
            trial = replace(self._once(case), tries=tries)
            if not trial.late or trial.wrong or trial.left:
                break
        return trial

    def _once(self, case: Case) -> Trial:
        before = self._arena.children()
        self.calls[case.token] = self.calls.get(case.token, 0) + case.calls
        ended = self._arena.run(self._arena.a, PLANTED + case.code)
        wrong = case.why_not(ended)
        if ended.code in _KILLED and not wrong:
            wrong = self._not_replaced(before)
        left = [f"{who}: {said}" for who, canary in self._canaries.items() if (said := canary.sings())]
        late_ms = self._arena.budget_ms + LATE_MS - BUDGET_MS
        return Trial(case, ended, wrong=wrong, left="; ".join(left), late_ms=late_ms)

    def _not_replaced(self, before: dict[int, str]) -> str:
        """Whether the child that was ended still lives, or no other took its place."""
        try:
            wait_until(lambda: before.items() - self._arena.children().items(), "a child is gone", 2)
            self._arena.wait_until_full()
        except AssertionError as missing:
            return str(missing)
        return ""
