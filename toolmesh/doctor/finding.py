"""What a check found: a level, what was seen in plain words, and what to do next."""

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How a check ended."""

    PASS = "PASS"  # noqa: S105 (it passed)
    WARN = "WARN"
    """It works, or works for some; somebody should read it."""
    FAIL = "FAIL"
    """The client that was asked about stops here, or is in danger."""
    SKIP = "SKIP"
    """Not looked at, and why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. What a server said stands in it only after `shown.clean`, which the report sees to."""

    check: str
    """`<group>.<what>`; it never changes its meaning."""
    level: Level
    said: str
    """What was seen, and what that means: the status, the header, the field."""
    fix: str = ""
    """What to do next; not empty for WARN and FAIL."""
