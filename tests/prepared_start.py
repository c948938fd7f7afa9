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
import tempfile
import threading
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["toolmesh.__main__", "edge.serve", "workers.serve", "workers.backends.mcp_http", "mcp.server", "aiohttp.web"]
)


class PreparedChild:
    """A module that runs as `python -m` runs it. To be used as a `subprocess.Popen`."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str], directory: Path) -> None:
        """`arguments`: the module, and what it is given."""
        log.touch()
        self._process = _start(arguments, log, log, environment, directory)

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


def run(
    arguments: list[str], environment: dict[str, str], directory: Path, timeout_s: float = 60.0
) -> "subprocess.CompletedProcess[str]":
    """Run a module to its end, where nobody can be asked anything, as `subprocess.run` does with `python -m`."""
    with tempfile.TemporaryDirectory() as own:
        out, err = Path(own) / "out", Path(own) / "err"
        process = _start(arguments, out, err, environment, directory)
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout_s, err.read_text())
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def run_toolmesh(
    *arguments: str, environment: dict[str, str], directory: Path = ROOT
) -> "subprocess.CompletedProcess[str]":
    """Run `toolmesh …` to its end. Of the environment of the test all is inherited but what is meant for a mesh."""
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("TOOLMESH_", "REDIS_", "CREDENTIAL_"))}
    return run(["toolmesh", *arguments], {**inherited, **environment}, directory)


def _start(arguments: list[str], out: Path, err: Path, environment: dict[str, str], directory: Path) -> ForkServerProcess:
    process = _context.Process(target=_become, args=(arguments, out, err, environment, directory), daemon=True)
    process.start()
    return process


def _become(arguments: list[str], out: Path, err: Path, environment: dict[str, str], directory: Path) -> None:
    """In the child: become what the command line would have started."""
    os.setsid()
    os.chdir(directory)
    for descriptor, file in ((1, out), (2, err)):
        output = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, descriptor)
        os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    threading.Thread(target=_end_with_test, daemon=True).start()
    sys.argv[1:] = arguments[1:]
    sys.modules.pop(f"{arguments[0]}.__main__", None)  # runpy warns of one that was imported before
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _end_with_test() -> None:
    """A test run that is killed leaves nothing behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
