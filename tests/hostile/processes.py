"""What the processes of a mesh have: memory, descriptors, and children that run scripts (proc(5))."""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
_LOOK_S = 0.05


@dataclass(frozen=True)
class Standing:
    """What one process has now."""

    resident_mib: float
    descriptors: int


def standing(pid: int) -> Standing:
    """Raises OSError for a process that is gone."""
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MIB
    return Standing(resident, len(os.listdir(f"/proc/{pid}/fd")))


def _status(pid: int) -> tuple[str, int, str] | None:
    """State, parent and start; None for a process that is gone."""
    with suppress(OSError, IndexError, ValueError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return words[0], int(words[1]), words[19]
    return None


def children_of(parents: Iterable[int]) -> dict[int, str]:
    """Living children of these processes, each with the time of its start, as numbers come again."""
    wanted = set(parents)
    found: dict[int, str] = {}
    for name in os.listdir("/proc"):
        status = _status(int(name)) if name.isdigit() else None
        if status is not None and status[1] in wanted and status[0] != "Z":
            found[int(name)] = status[2]
    return found


class Watch(threading.Thread):
    """Looks again and again which children workers have, so that it can be told at the end which of them are left."""

    def __init__(self, parents: Iterable[int]) -> None:
        super().__init__(daemon=True)
        self._parents = list(parents)
        self._over = threading.Event()
        self.seen: dict[int, str] = {}
        self.start()

    def run(self) -> None:
        while not self._over.wait(_LOOK_S):
            self.seen |= children_of(self._parents)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def left(self) -> list[int]:
        """Those that were seen and still live."""
        statuses = {pid: _status(pid) for pid in self.seen}
        return [pid for pid, status in statuses.items() if status is not None and status[2] == self.seen[pid]]
