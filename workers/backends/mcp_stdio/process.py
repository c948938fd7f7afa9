"""One server as processes: started under its keeper, with three pipes to it, and stopped as a tree.

The worker's end of the keeper's control socket is the lifeline: when the worker is gone, however that came, the kernel
closes it and the keeper kills what it keeps (`keeper.py`).
"""

import asyncio
import os
import secrets
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path

import structlog

from shared.errors import UpstreamUnreachable
from shared.settings import Settings
from workers.backends.mcp_stdio.leftovers import MARK, kill_marked
from workers.backends.mcp_stdio.lines import LineReader
from workers.backends.mcp_stdio.outlet import Outlet

log = structlog.get_logger()

_KEEPER = Path(__file__).with_name("keeper.py")
_STORY_BYTES_MAX = 1024
_KILL_S = 5.0
"""SIGKILL takes longer only for who hangs in the kernel."""


class Process:
    """A running server. `stdin`, `stdout` and `stderr` are its pipes; `ended` is set when nothing of it is left."""

    def __init__(
        self,
        settings: Settings,
        control: socket.socket,
        keeper: asyncio.subprocess.Process,
        mark: str,
        to_stdin: int,
        stderr_bytes_max: int,
    ) -> None:
        self.stdin = Outlet(to_stdin)
        self.stdout = LineReader(settings.upstream_answer_bytes_max)
        self.stderr = LineReader(stderr_bytes_max, cut=True)
        self.ended = asyncio.Event()
        self.story: list[str] = []
        """What the keeper said, word by word; see there."""
        self._settings = settings
        self._control = control
        self._keeper = keeper
        self._mark = mark
        self._following = asyncio.create_task(self._follow())

    async def connect(self, from_stdout: int, from_stderr: int) -> None:
        """Take over our ends of its pipes."""
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: self.stdout, os.fdopen(from_stdout, "rb", 0))
        await loop.connect_read_pipe(lambda: self.stderr, os.fdopen(from_stderr, "rb", 0))

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._keeper.pid

    async def stop(self) -> None:
        """Close its stdin, wait, SIGTERM, wait, SIGKILL; nothing is left then."""
        self.stdin.close()
        await self._tell(b"s", 2 * self._settings.stdio_stop_s + _KILL_S)

    async def kill(self) -> None:
        """SIGKILL for all of it."""
        await self._tell(b"k", _KILL_S)

    async def _tell(self, wish: bytes, within_s: float) -> None:
        with suppress(OSError):
            self._control.send(wish)
        try:
            async with asyncio.timeout(within_s):
                await self.ended.wait()
        except TimeoutError:
            log.error("a stdio server does not end, though it was killed", keeper=self.pid)
        finally:
            self.stdin.abort()
            self.stdout.close()
            self.stderr.close()
            if not self.ended.is_set():
                self._following.cancel()
                self._control.close()

    async def _follow(self) -> None:
        """Listen to the keeper until it is gone."""
        loop = asyncio.get_running_loop()
        said = b""
        with suppress(OSError):
            while (piece := await loop.sock_recv(self._control, _STORY_BYTES_MAX)) and len(said) < _STORY_BYTES_MAX:
                said += piece
        self._control.close()
        await self._keeper.wait()
        self.story = said.decode("ascii", "replace").split()
        if "gone" not in self.story:
            log.warning("the keeper of a stdio server was killed", keeper=self.pid)
            await asyncio.to_thread(kill_marked, self._mark)
        self.ended.set()

    def ending(self) -> str:
        """How the server ended, as the end of a sentence; empty where that is not known (yet)."""
        for word, value in zip(self.story, self.story[1:], strict=False):
            if word == "exec":
                return f"its command could not be run ({os.strerror(int(value))})"
            if word == "memory":
                return f"it used {value} MiB of memory and was killed; options.memory_mib is the limit"
            if word == "processes":
                return f"it started {value} processes and was killed; TOOLMESH_STDIO_PROCESSES_MAX is the limit"
            if word == "exit":
                return f"it ended with exit code {value}"
            if word == "signal":
                return f"it was ended by signal {value}"
        return ""


async def start_process(
    command: str,
    arguments: tuple[str, ...],
    variables: dict[str, str],
    settings: Settings,
    *,
    memory_mib: int,
    stderr_bytes_max: int,
) -> Process:
    """Start a server. Raises UpstreamUnreachable where its command is not there or can't be started.

    It runs in the worker's working directory, in a session of its own.
    """
    found = _path_of(command)
    if found is None:
        raise UpstreamUnreachable(
            f"The command `{command}` is not found on the PATH of this worker. Install it there, or correct `command`."
        )
    mark = secrets.token_hex(8)
    ours, theirs = socket.socketpair()
    pipes = [os.pipe() for _ in range(3)]
    (stdin, to_stdin), (from_stdout, stdout), (from_stderr, stderr) = pipes
    limits = (memory_mib, settings.stdio_processes_max, settings.stdio_poll_s, settings.stdio_stop_s)
    try:
        keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_KEEPER), str(theirs.fileno()), *map(str, limits)),
            *(found, *arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env={**variables, MARK: mark},
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except (OSError, ValueError) as cause:
        for end in (to_stdin, from_stdout, from_stderr):
            os.close(end)
        ours.close()
        raise UpstreamUnreachable(f"The command `{command}` cannot be started ({cause}).") from cause
    finally:
        theirs.close()
        for end in (stdin, stdout, stderr):
            os.close(end)
    ours.setblocking(False)
    process = Process(settings, ours, keeper, mark, to_stdin, stderr_bytes_max)
    await process.connect(from_stdout, from_stderr)
    return process


def _path_of(command: str) -> str | None:
    """Where the command is, on the PATH of this worker unless it is a path itself."""
    found = shutil.which(command)
    return None if found is None else os.path.abspath(found)
