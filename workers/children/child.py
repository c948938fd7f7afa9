"""One child as its worker sees it: started, spoken to, killed with its group, reaped."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from shared.errors import MeshError, SandboxCrashed, SandboxMemory, SandboxTimeout, SandboxUnavailable
from shared.settings import Settings
from workers.children import frames
from workers.children.engine import ROOT, Engine
from workers.children.frames import FrameError
from workers.children.owner import Owner

_PROGRAM = f"""import os, sys
os.setpgid(0, 0)
sys.path[:0] = [{ROOT!r}]
from workers.children.inside.main import main
main(sys.argv[1])"""
"""A group of its own, and no session: where Linux shares processors by session first (autogroups), a priority would mean
nothing to a child that had one."""
_END_S = 1.0
_NICE_MAX = 19
_REAP_S = 0.5
"""How long the end of a child that closed its line is waited for, to say how it ended."""


class ChildProcess:
    """A running child. `given` is what it says is kept from it and by what, `refused` what the system doesn't have."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        frame_bytes_max: int,
    ) -> None:
        self.pid = process.pid
        self.given: dict[str, list[str]] = {}
        self.refused: dict[str, str] = {}
        self.owner: Owner | None = None
        """Whose it is, once somebody had it."""
        self.nice: int | None = None
        """Its priority, once it was given one."""
        self.runs = 0
        self.busy = False
        """Whether a run is under way in it."""
        self.dead = False
        self.cpu_before_s = 0.0
        """CPU time that it had used before the run that is under way."""
        self.ended = asyncio.create_task(process.wait())
        """Gives the exit code when it is reaped."""
        self._cause: MeshError | None = None
        self._reader = reader
        self._writer = writer
        self._frame_bytes_max = frame_bytes_max

    async def send(self, message: dict[str, Any]) -> None:
        """See `Child`."""
        frame = frames.pack(message, self._frame_bytes_max)
        if "run" in message:
            self.busy = True
        try:
            self._writer.write(frame)
            await self._writer.drain()
        except OSError:
            raise await self._ending() from None

    async def receive(self) -> dict[str, Any]:
        """See `Child`."""
        try:
            message = await frames.receive(self._reader, self._frame_bytes_max)
        except (EOFError, OSError):
            raise await self._ending() from None
        except FrameError as cause:
            self.kill(SandboxCrashed("The sandbox said something that is no message, and was ended."))
            raise await self._ending() from cause
        if "done" in message:
            self.busy = False
        return message

    @property
    def has_more(self) -> bool:
        """Whether it said something that nobody has read."""
        return bool(getattr(self._reader, "_buffer", b""))

    @property
    def is_idle(self) -> bool:
        """Whether it lives and waits for a run. The kernel knows of an end before the event loop does."""
        if self.dead or self.busy or self.has_more:
            return False
        if not hasattr(os, "waitid"):
            return True  # macOS, before Python 3.13
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def be_nice(self, steps: int) -> None:
        """Take a priority so many steps below this process's own (setpriority(2)), as far as one may be given."""
        level = min(os.getpriority(os.PRIO_PROCESS, 0) + steps, _NICE_MAX)
        if level != self.nice:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, level)
                self.nice = level

    def kill(self, cause: MeshError | None = None) -> None:
        """End it with its group; who waits for it is told the cause."""
        if self._cause is None:
            self._cause = cause
        self.dead = True
        if not self.ended.done():
            for end in (os.killpg, os.kill):  # it may not have its group yet
                with suppress(ProcessLookupError, PermissionError):
                    end(self.pid, signal.SIGKILL)
        self._writer.close()

    async def _ending(self) -> MeshError:
        """How it ended, as the error for who runs something in it."""
        self.kill()  # one that is ending by itself keeps its own exit code
        await asyncio.wait((self.ended,), timeout=_REAP_S)
        if self._cause is not None:
            return self._cause
        code = self.ended.result() if self.ended.done() else 0
        if code == -signal.SIGXCPU:
            return SandboxTimeout("It used up its CPU time and was ended.")
        if code == -signal.SIGABRT:
            return SandboxMemory("It ran out of memory and was ended.")
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return SandboxCrashed(f"The process that ran it ended {how}.")


async def start_child(engine: Engine, settings: Settings) -> ChildProcess:
    """A child that is locked down and ready. Raises SandboxUnavailable where it does not get there."""
    orders = {
        "module": engine.module,
        "paths": engine.places(),
        "parent": os.getpid(),
        "memory_mib": settings.child_memory_mib,
        "cpu_s": settings.code_cpu_s,
        "frame_bytes_max": settings.child_frame_bytes_max,
    }
    ours, theirs = socket.socketpair()
    with theirs:
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        try:
            process = await _started(json.dumps(orders), theirs)
        except BaseException as cause:
            writer.close()
            if isinstance(cause, OSError):
                raise SandboxUnavailable(f"No process can be started for it here ({cause.strerror}).") from cause
            raise
    child = ChildProcess(process, reader, writer, settings.child_frame_bytes_max)
    try:
        async with asyncio.timeout(settings.children_start_s):
            _take_first(child, await child.receive())
    except BaseException as cause:
        child.kill()
        await asyncio.wait((child.ended,), timeout=_END_S)
        if not isinstance(cause, (TimeoutError, MeshError)):
            raise
        why = "it takes too long" if isinstance(cause, TimeoutError) else cause
        raise SandboxUnavailable(f"The {engine.name} sandbox does not start ({why}).") from cause
    return child


async def _started(orders: str, line: socket.socket) -> asyncio.subprocess.Process:
    """The process. Who is cancelled meanwhile leaves none."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _PROGRAM, orders),
            stdin=line.fileno(),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        process = await starting
        process.kill()
        await process.wait()
        raise


def _take_first(child: ChildProcess, message: dict[str, Any]) -> None:
    """Its first message: what keeps it in, or why it can't be used."""
    ready = message.get("ready")
    if ready is None:
        raise SandboxUnavailable(str(message.get("failed", "it does not say that it is ready")))
    child.given, child.refused = ready["given"], ready["refused"]
