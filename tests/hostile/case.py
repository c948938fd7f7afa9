"""One hostile script, and how it has to end."""

import json
from dataclasses import dataclass, field
from typing import Any

ANYTHING: Any = object()
"""A value that does not matter."""


@dataclass(frozen=True)
class Ended:
    """How a script ended for its caller: with a value (JSON), or with an error."""

    value: Any = None
    code: str = ""
    """Of the error; empty for a value."""
    says: str = ""
    """The error's text."""
    took_ms: float = 0.0
    logs: tuple[str, ...] = ()

    @property
    def was_run(self) -> bool:
        """Whether a worker had it; else it was refused before."""
        return not self.code or self.code.startswith(("script_", "sandbox_"))

    def __str__(self) -> str:
        return self.code or "value"


@dataclass(frozen=True)
class Case:
    """`number` is that of the kind of attack (docs/sandbox.md). It has to end with one of `codes`, or give `value`."""

    number: str
    name: str
    code: str
    codes: frozenset[str] = field(default=frozenset())
    value: Any = ANYTHING
    calls: int = 0
    """How many calls of the ledger it makes that it may make, under its `token`."""
    token: str = ""

    def why_not(self, ended: Ended) -> str:
        """What is not as expected; empty where all is."""
        if ended.code:
            return "" if ended.code in self.codes else f"{ended.code}: {ended.says}"
        if self.codes:
            return f"it gave {json.dumps(ended.value)[:200]}"
        if self.value is ANYTHING or ended.value == self.value:
            return ""
        return f"it gave {json.dumps(ended.value)[:300]}"


def fails(number: str, name: str, code: str, *codes: str, calls: int = 0) -> Case:
    """A case that has to end with an error."""
    assert codes, name
    return Case(number, name, code, frozenset(codes), calls=calls)


def gives(number: str, name: str, code: str, value: Any = ANYTHING, *, calls: int = 0) -> Case:
    """A case that finds nothing that it could do harm with, and gives a value."""
    return Case(number, name, code, value=value, calls=calls)
