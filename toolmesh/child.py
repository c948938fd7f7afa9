"""One child of `toolmesh up`: started, watched, started again when it dies, and never left behind."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from shared.errors import ConfigurationError
from toolmesh.console import say

_PR_SET_PDEATHSIG = 1
_BACK_OFF_S_MIN = 0.5
_BACK_OFF_S_MAX = 10.0
_STEADY_S = 30.0
"""A child that ran for this long starts again with the shortest wait."""
_TAIL_BYTES = 4096
_TAIL_LINES = 8
EXIT_CONFIGURATION = 2
"""A role's exit code for a configuration that it can't start with: starting it again would not help."""

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Child:
    """A process that is kept running. Its output goes to a file of its own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """`death_signal`: what the kernel sends the child when its parent is gone, however that came (Linux only)."""
        self.name = name
        self._command = command
        self._environment = environment
        self._log = log
        self._death_signal = death_signal
        self.after_restart: Callable[[], Coroutine[Any, Any, None]] | None = None
        """Run beside each start but the first."""
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The running process's id."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    async def keep_running(self) -> None:
        """Start it, and again whenever it ends, until `stop`. Raises ConfigurationError when it refuses to start."""
        loop = asyncio.get_running_loop()
        back_off_s = _BACK_OFF_S_MIN
        rotate(self._log)
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            tail = self._tail()
            if code == EXIT_CONFIGURATION:
                raise ConfigurationError(f"{self.name} refused to start. {tail or f'See {self._log}.'}")
            if loop.time() - started >= _STEADY_S:
                back_off_s = _BACK_OFF_S_MIN
            say(f"{self.name} {_ending(code)}; it starts again in {back_off_s:g} s. Its last lines ({self._log}):")
            say("\n".join(f"    {line}" for line in tail.splitlines()) if tail else "    (none)")
            try:
                async with asyncio.timeout(back_off_s):
                    await self._stopping.wait()
            except TimeoutError:
                back_off_s = min(back_off_s * 2, _BACK_OFF_S_MAX)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal; it is not started again."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _run_once(self) -> int:
        again = self._process is not None
        with _appended(self._log) as output:
            self._log_start = output.tell()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=dict(self._environment),
                    # Out of the terminal's process group: Ctrl-C is for `up` alone, which drains in order.
                    start_new_session=True,
                    preexec_fn=_dies_with_parent(self._death_signal),
                )
            except OSError as cause:
                raise ConfigurationError(f"{self.name} cannot be started ({cause.strerror}).") from cause
        if self._stopping.is_set():
            self.stop()
        helper = asyncio.create_task(self.after_restart()) if again and self.after_restart else None
        try:
            return await self._process.wait()
        finally:
            if helper is not None:
                helper.cancel()
                await asyncio.gather(helper, return_exceptions=True)

    def _tail(self) -> str:
        """The last lines that this run printed."""
        with self._log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - _TAIL_BYTES))
            return "\n".join(file.read().decode("utf-8", "replace").strip().splitlines()[-_TAIL_LINES:])


def rotate(log: Path) -> None:
    """Keep the log of the start before this one, and begin anew."""
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))


def _appended(log: Path) -> BinaryIO:
    return open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _dies_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec so that it never outlives its parent (prctl(2)); None elsewhere."""
    libc, parent = _libc, os.getpid()
    if libc is None:
        return None

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # The parent died before the kernel was asked.
            os._exit(1)

    return ask_the_kernel
