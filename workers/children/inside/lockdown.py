"""A child gives up what it does not need, step by step. What the system refuses is noted, and never stops the next step.

`given`: what is kept from the child, by which means; a thing with no means is not kept from it. `refused`: means that this
system does not have, and why. The words are stable: the worker logs them, and `toolmesh check` explains them.
"""

import os
import resource
import sys
from collections.abc import Callable
from contextlib import suppress

from workers.children.inside import kernel, landlock, system_calls

KEPT = (
    "network",
    "files",
    "writing files",
    "processes",
    "signals",
    "tracing",
    "new privileges",
    "capabilities",
    "memory",
    "cpu",
    "core dumps",
    "descriptors",
    "parent death",
)
"""All that a child is to be without, or bound in."""
_LINUX = sys.platform == "linux"
_NETWORK_AND_IPC = 0x40000000 | 0x08000000
_WITH_USERS = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_NOBODY = 65534
_FIRST_OTHER = 3
_NICER = 5
"""A bomb must not slow the worker that is to end it."""
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Lockdown:
    """Mutable: the steps of one child, in this order: `before_imports`, `after_imports`, then `before_run` for each run."""

    def __init__(self, parent: int, memory_mib: int, cpu_s: float) -> None:
        self.given: dict[str, list[str]] = {what: [] for what in KEPT}
        self.refused: dict[str, str] = {}
        self._parent = parent
        self._memory_bytes = memory_mib << 20
        self._cpu_s = cpu_s

    def before_imports(self) -> None:
        """What has to come before anything starts a thread, or needs what the worker may and the child may not."""
        os.closerange(_FIRST_OTHER, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        if _LINUX:
            with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")  # where memory ends, a child goes before its worker
            self._try("namespace", _leave_network, "network")
            self._try("parent-death signal", self._die_with_parent)

    def after_imports(self) -> None:
        """All the rest. Nothing can be opened, started or reached afterwards."""
        memory = self._memory_bytes + _size_bytes()
        with suppress(OSError):
            os.nice(_NICER)
        if _LINUX:
            self._give_up_rights()
        self._limit("memory", resource.RLIMIT_AS, memory)
        self._limit("writing files", resource.RLIMIT_FSIZE, 0)
        self._limit("core dumps", resource.RLIMIT_CORE, 0)
        self._limit("processes", resource.RLIMIT_NPROC, 0)
        self._limit("descriptors", resource.RLIMIT_NOFILE, 0)
        self._limit("cpu", resource.RLIMIT_CPU, None)
        if _LINUX:
            everything = "network", "files", "writing files", "processes", "signals", "tracing", "descriptors"
            self._try("system calls", system_calls.restrict, *everything)

    def before_run(self) -> None:
        """Give the run its CPU time. The worker looks as well, and closer; this holds where it can't."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._limit("cpu", resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + self._cpu_s) + 2)

    def _give_up_rights(self) -> None:
        if os.geteuid() == 0:
            self._try("another user", _become_nobody)
        self._try("capset", kernel.drop_capabilities, "capabilities")
        self._try("parent-death signal", self._die_with_parent, "parent death")
        self._try("prctl", lambda: kernel.prctl(_PR_SET_DUMPABLE, 0), "tracing")
        self._try("prctl", lambda: kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1), "new privileges")
        try:
            for what in landlock.restrict():
                self._give(what, "landlock")
        except OSError as cause:
            self._refuse("landlock", cause)

    def _die_with_parent(self) -> None:
        """A change of user takes the signal back, so it is asked for again then."""
        kernel.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != self._parent:
            os._exit(0)

    def _limit(self, what: str, kind: int, value: int | None) -> None:
        """None: as it is, hard limit and all; a run sets its own."""
        hard = resource.getrlimit(kind)[1]
        soft = hard if value is None else value if hard == resource.RLIM_INFINITY else min(value, hard)
        self._try(
            f"limit of {what}", lambda: resource.setrlimit(kind, (soft, hard if kind == resource.RLIMIT_CPU else soft))
        )
        if f"limit of {what}" not in self.refused:
            self._give(what, "limit")

    def _try(self, means: str, step: Callable[[], object], *what: str) -> None:
        try:
            step()
        except (OSError, ValueError, AttributeError) as cause:
            self._refuse(means, cause)
        else:
            for each in what:
                self._give(each, means)

    def _give(self, what: str, means: str) -> None:
        if means not in self.given[what]:
            self.given[what].append(means)

    def _refuse(self, means: str, cause: Exception) -> None:
        self.refused[means] = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)


def _leave_network() -> None:
    """A network and IPC of its own, with nothing in them: as root, or as root of a user namespace of its own."""
    try:
        kernel.unshare(_NETWORK_AND_IPC)
    except OSError:
        kernel.unshare(_NETWORK_AND_IPC | _WITH_USERS)


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _size_bytes() -> int:
    """Address space that is in use already."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * _PAGE_BYTES
    except OSError:
        return 0
