"""One call of a script, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from workers.backends.backend import InnerAnswer
from workers.children.script import Answered


@dataclass(slots=True, kw_only=True)
class Called:
    """One call of a script. Mutable: it has no answer at first."""

    ordinal: int
    tool: str
    """As the script named it, then its canonical name."""
    answer: InnerAnswer | None = None
    given: Answered | None = None
    """What the script got."""

    @property
    def status(self) -> Literal["running", "ok", "error"]:
        """How it stands."""
        if self.given is None:
            return "running"
        return "ok" if self.given.ok else "error"

    def end(self, answer: InnerAnswer, given: Answered) -> None:
        """Its answer is here."""
        self.answer, self.given = answer, given
        self.tool = answer.tool or self.tool


def unanswered(called: Sequence[Called]) -> str:
    """What is to be said, on a line of its own, of calls that had no answer when their script ended; nothing for none."""
    running = [call.tool for call in called if call.status == "running"]
    if not running:
        return ""
    return (
        f"\n{len(running)} of {len(called)} calls had no answer then: {', '.join(running)}. They are cancelled; one "
        "that had begun to change something may have taken effect."
    )
