"""Processes that the bench starts, and what Linux says about them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_STOP_S = 12.0
_OURS = ("TOOLMESH_", "CREDENTIAL_", "REDIS_URL", "AUTH_REDIS_URL", "AUDIT_STORE", "LOG_")


class Process:
    """One child of the bench. Its output goes to a file; leaving the context ends it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._log = log
        # Nothing that this shell happens to have set may change what is measured.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=inherited | dict(environment or {}),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that doesn't help in time."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    @property
    def ended(self) -> bool:
        return self._child.poll() is not None

    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def cpu_s(self) -> float:
        """Processor seconds that it and its threads have used (proc(5), fields 14 and 15)."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def cpu_ns(self) -> int:
        """The same in nanoseconds, for what is shorter than the ticks of `cpu_s`: Linux' scheduler's own count."""
        tasks = Path(f"/proc/{self._child.pid}/task")
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks.iterdir())

    def rss_mib(self) -> float:
        """Resident memory."""
        return resident_mib(self._child.pid)


def resident_mib(pid: int) -> float:
    """Resident memory of a process; 0 for one that has ended and was not waited for."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def python(*arguments: str) -> list[str]:
    """A command of this environment's Python."""
    return [sys.executable, *arguments]


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
