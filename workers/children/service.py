"""`toolmesh sandbox`: the children of a process that has nothing else, for workers that connect to its unix socket."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from shared.errors import ConfigurationError, SandboxBusy
from shared.health_file import touch
from shared.log import configure
from shared.privacy import keep_to_oneself
from shared.settings import Settings
from workers.children.engine import ENGINES, Engine
from workers.children.pool import Pool
from workers.children.visit import Visit

log = structlog.get_logger()

_VISITS_BESIDE = 64
"""Connections beside those whose runs wait or are at work."""
_PULSE_S = 1.0
_NOT_FOR_OTHERS = 0o117
"""Makes the socket's mode 0660."""


def serve(settings: Settings, path: Path) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit code. Raises ConfigurationError where the socket can't be had."""
    import uvloop

    keep_to_oneself()
    configure(settings.log_level, settings.log_format, "sandbox")
    return uvloop.run(Service(settings, path).run())


class Service:
    """Mutable: who is connected."""

    def __init__(self, settings: Settings, path: Path, engines: Mapping[str, Engine] = ENGINES) -> None:
        self._settings = settings
        self._path = path
        self._engines = engines
        self._pool = Pool(settings, engines)
        self._visits: set[asyncio.Task[Any]] = set()
        self._visits_max = settings.children_queue_max + len(engines) * settings.children_max + _VISITS_BESIDE
        self._server: asyncio.Server | None = None
        self._pulse: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Until the process is told to stop."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self.start()
        log.info("sandbox started", socket=str(self._path), pid=os.getpid())
        await stop.wait()
        await self.stop()
        log.info("sandbox stopped")
        return 0

    async def start(self) -> None:
        """Listen, and have children ready. Raises ConfigurationError where the socket can't be had."""
        self._server = await asyncio.start_unix_server(self._visited, sock=listener(self._path))
        for engine in self._engines:
            self._pool.prepare(engine)
        self._pulse = asyncio.create_task(self._show_health())

    async def stop(self) -> None:
        """Take nobody in, let runs end for `drain_s`, and kill what is left."""
        assert self._server is not None
        assert self._pulse is not None
        self._server.close()
        with suppress(OSError):
            self._path.unlink()
        await self._wait_for_visits(self._settings.drain_s)
        self._pulse.cancel()
        await self._pool.close()
        await self._wait_for_visits(_PULSE_S)

    async def _wait_for_visits(self, within_s: float) -> None:
        if self._visits:
            await asyncio.wait(self._visits, timeout=within_s)

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        visit = Visit(reader, writer, self._settings.child_frame_bytes_max)
        if len(self._visits) >= self._visits_max:
            detail = "As many runs wait for the sandbox as may wait. Try again later."
            await visit.refuse(SandboxBusy(detail, retry_after_s=_PULSE_S))
            writer.close()
            return
        self._visits.add(task)
        try:
            await visit.run(self._pool)
        finally:
            self._visits.discard(task)

    async def _show_health(self) -> None:
        while True:
            if self._pool.is_well:
                touch(self._settings.health_file)
            await asyncio.sleep(_PULSE_S)


def listener(path: Path) -> socket.socket:
    """A socket that listens there, for this user and group. One that nobody listens at any more is replaced.

    Raises ConfigurationError where another one listens, or the place can't be used.
    """
    listening = socket.socket(socket.AF_UNIX)
    try:
        if _is_listening(path):
            raise ConfigurationError(f"Another process listens at {path}. Stop it, or give another path with --socket.")
        if path.is_socket():
            path.unlink()
        mask = os.umask(_NOT_FOR_OTHERS)
        try:
            listening.bind(str(path))
        finally:
            os.umask(mask)
        listening.listen()
    except OSError as cause:
        listening.close()
        raise ConfigurationError(
            f"No socket can be made at {path} ({cause.strerror or cause}). Give a path of at most 100 characters in a "
            "directory that this user may write, with --socket."
        ) from cause
    except ConfigurationError:
        listening.close()
        raise
    return listening


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trying, suppress(OSError):
        trying.settimeout(1.0)
        trying.connect(str(path))
        return True
    return False
