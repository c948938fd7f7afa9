"""What a process has used, as Linux tells it (proc(5)); elsewhere nothing is known."""

import os
from dataclasses import dataclass

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_USER_TIME = 11
_SYSTEM_TIME = 12
_RESIDENT_PAGES = 21
"""Places in /proc/<pid>/stat, counted behind the command's name."""


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time since its start, and resident memory now."""

    cpu_s: float
    resident_bytes: int


def usage_of(pid: int) -> Usage | None:
    """None where that is not known: the process is gone, or this is no Linux."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            words = file.read().rpartition(b")")[2].split()
        ticks = int(words[_USER_TIME]) + int(words[_SYSTEM_TIME])
        return Usage(ticks / _TICKS_PER_S, int(words[_RESIDENT_PAGES]) * _PAGE_BYTES)
    except (OSError, IndexError, ValueError):
        return None
