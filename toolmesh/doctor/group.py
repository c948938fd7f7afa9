"""A group of checks: one thing to look at, and the ids of what can be found there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

Look = Callable[[Visit, Report], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Group:
    """One group."""

    noun: str
    """Before the dot in the ids of its checks."""
    title: str
    look: Look
    checks: Mapping[str, str]
    """Id → what is as it has to be when it passes. `<noun>.answered` is everywhere, and is not in it."""

    @property
    def answered(self) -> str:
        """The check that fails where the group could not be looked at to its end, and is skipped where it was not begun."""
        return f"{self.noun}.answered"

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids."""
        return (*self.checks, self.answered)
