"""Python programs as processes of a test, started from one that has imported already what they import.

They are processes of their own, with an environment, a session and a log of their own; what they are spared is the second
or two that each would import for. The commands as an operator starts them are tested in tests/toolmesh, tests/deploy and
tests/faults, which start them so.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import threading
from multiprocessing.connection import wait
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["toolmesh.__main__", "edge.serve", "workers.serve", "workers.backends.mcp_http", "mcp.server", "aiohttp.web"]
)


class PreparedChild:
    """A module that runs as `python -m` runs it. To be used as a `subprocess.Popen`."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str], directory: Path) -> None:
        """`arguments`: the module, and what it is given."""
        log.touch()
        self._process = _context.Process(target=_run, args=(arguments, log, environment, directory), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout_s: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a prepared child", timeout_s)
        return self._process.exitcode


def _run(arguments: list[str], log: Path, environment: dict[str, str], directory: Path) -> None:
    """In the child: become what the command line would have started."""
    os.setsid()
    os.chdir(directory)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_end_with_test, daemon=True).start()
    sys.argv[1:] = arguments[1:]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _end_with_test() -> None:
    """A test run that is killed leaves nothing behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
