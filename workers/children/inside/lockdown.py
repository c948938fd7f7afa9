"""A child gives up what it does not need, step by step; what the kernel refuses is noted and never stops it.

`given` names what is kept from the child and by what; `refused` names the means that this system does not have, and why.
"""

import ctypes
import os
import resource
import sys

_LINUX = sys.platform == "linux"
_CLONE_NEWNET = 0x40000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_FIRST_OTHER = 3


class Lockdown:
    """Mutable: the steps of one child."""

    def __init__(self, parent: int, memory_mib: int, cpu_s: int) -> None:
        self._parent = parent
        self._memory_mib = memory_mib
        self._cpu_s = cpu_s
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.given: dict[str, list[str]] = {}
        self.refused: dict[str, str] = {}

    def before_imports(self) -> None:
        """What has to come before anything starts a thread."""
        os.closerange(_FIRST_OTHER, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        if _LINUX:
            spaces = _CLONE_NEWNET | _CLONE_NEWIPC
            if self._call("unshare", spaces) and self._call("unshare", spaces | _CLONE_NEWUSER):
                self._refuse("network", "namespace")
            else:
                self._give("network", "namespace")

    def after_imports(self) -> None:
        """All the rest."""
        if _LINUX:
            self._prctl("parent death", _PR_SET_PDEATHSIG, _SIGKILL)
            if os.getppid() != self._parent:
                os._exit(0)
            self._prctl("tracing", _PR_SET_DUMPABLE, 0)
            self._prctl("new privileges", _PR_SET_NO_NEW_PRIVS, 1)
        self._limit("memory", resource.RLIMIT_AS, self._memory_mib << 20)
        self._limit("writing files", resource.RLIMIT_FSIZE, 0)
        self._limit("files", resource.RLIMIT_NOFILE, 0)
        self._limit("core dumps", resource.RLIMIT_CORE, 0)
        self._limit("processes", resource.RLIMIT_NPROC, 0)

    def before_run(self) -> None:
        """The CPU time of one run."""

    def _prctl(self, what: str, option: int, value: int) -> None:
        if self._call("prctl", option, value, 0, 0, 0):
            self._refuse(what, "prctl")
        else:
            self._give(what, "prctl")

    def _limit(self, what: str, kind: int, value: int) -> None:
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError) as cause:
            self.refused[f"limit of {what}"] = str(cause)
        else:
            self._give(what, "limit")

    def _call(self, name: str, *arguments: int) -> int:
        return int(getattr(self._libc, name)(*arguments))

    def _give(self, what: str, means: str) -> None:
        self.given.setdefault(what, []).append(means)

    def _refuse(self, what: str, means: str) -> None:
        self.refused[f"{means} of {what}"] = os.strerror(ctypes.get_errno())
        self.given.setdefault(what, [])
