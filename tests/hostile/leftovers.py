"""What the processes of a mesh have at the end that they had not at the beginning."""

from tests.hostile.arena import SPARE, Arena
from tests.hostile.processes import Standing, children_of, standing
from tests.mesh import wait_until

_MIB_MAX = 32.0
"""More than that is no fragment of a heap."""
_DESCRIPTORS_MAX = 2
_SETTLED_S = 30.0


class Leftovers:
    """Knows what each process had at the beginning."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._roles = dict.fromkeys(arena.workers, "worker") | dict.fromkeys(arena.edges, "edge")
        self._settle()
        self._first = self._standings()

    def _standings(self) -> dict[int, Standing]:
        return {pid: standing(pid) for pid in self._roles}

    def _settle(self) -> None:
        """Until children that only wait for their tenants are gone."""
        workers = self._arena.workers
        wait_until(lambda: all(len(children_of([pid])) == SPARE for pid in workers), "the pools are at rest", _SETTLED_S)

    def found(self) -> list[str]:
        """What is more than it was, once all is at rest."""
        try:
            self._settle()
            wait_until(lambda: not self._descriptors(), "descriptors are as before", _SETTLED_S)
        except AssertionError as missing:
            return [str(missing), *self._descriptors()]
        return self._memory()

    def _descriptors(self) -> list[str]:
        return [
            f"{self._roles[pid]} {pid} had {first.descriptors} descriptors, and has {now.descriptors}"
            for (pid, first), now in zip(self._first.items(), self._standings().values(), strict=True)
            if now.descriptors > first.descriptors + _DESCRIPTORS_MAX
        ]

    def _memory(self) -> list[str]:
        return [
            f"{self._roles[pid]} {pid} had {first.resident_mib:.0f} MiB, and has {now.resident_mib:.0f} MiB"
            for (pid, first), now in zip(self._first.items(), self._standings().values(), strict=True)
            if now.resident_mib > first.resident_mib + _MIB_MAX
        ]

    def said(self) -> str:
        """Before and now, for people."""
        now = self._standings()
        return ", ".join(
            f"{role} {self._first[pid].resident_mib:.0f} → {now[pid].resident_mib:.0f} MiB,"
            f" {self._first[pid].descriptors} → {now[pid].descriptors} descriptors"
            for pid, role in self._roles.items()
        )
