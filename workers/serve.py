"""The worker process: opens its backends, claims, and drains when it is told to stop."""

import asyncio
import gc
import os
import secrets
import signal
from importlib.metadata import entry_points
from typing import cast

import structlog

from shared import failpoints
from shared.authorization_file import watched_rules
from shared.clock import BrokerClock
from shared.configuration import BackendEntry
from shared.errors import ConfigurationError, MeshError
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.log import configure
from shared.mesh_keys import KeyRing
from shared.privacy import keep_to_oneself
from shared.settings import Settings
from workers.assembly import Assembly
from workers.audit_log import AuditLog
from workers.backends.backend import OpenBackend
from workers.children.opened import open_children
from workers.equipment import Equipment, open_with
from workers.missing import open_missing
from workers.served import Served

log = structlog.get_logger()


def serve(settings: Settings, entries: tuple[BackendEntry, ...], *, concurrency: int | None) -> int:
    """Run a worker until SIGTERM or SIGINT; gives the exit code. Raises MeshError when it can't start."""
    import uvloop

    if settings.mesh_keys is None:
        raise ConfigurationError("A worker needs TOOLMESH_MESH_KEYS (group:keyid:base64key[,…] or a file with it).")
    keep_to_oneself()  # from the stdio servers that it starts
    worker_id = f"w-{secrets.token_hex(6)}"
    configure(settings.log_level, settings.log_format, worker_id)
    failpoints.arm(settings.failpoints)
    return uvloop.run(_Worker(settings, settings.mesh_keys, entries, worker_id, concurrency).run())


class _Worker:
    def __init__(
        self,
        settings: Settings,
        ring: KeyRing,
        entries: tuple[BackendEntry, ...],
        worker_id: str,
        concurrency: int | None,
    ) -> None:
        self._settings = settings
        self._ring = ring
        self._rules = watched_rules(settings)
        self._worker_id = worker_id
        self._concurrency = concurrency or settings.worker_concurrency
        self._line = RedisLine(
            settings.redis_url.reveal(), pending_max=settings.redis_pending_max, timeout_s=settings.redis_timeout_s
        )
        self._equipment = Equipment(children=open_children(settings), line=self._line, ring=ring)
        self._served = {
            entry.name: Served(entry=entry, backend=open_with(_opener(entry), entry, settings, self._equipment))
            for entry in entries
            if entry.group in ring.groups
        }
        if not self._served:
            raise ConfigurationError(
                "This worker has no backend to serve: TOOLMESH_MESH_KEYS holds no key of a group that backends.yaml names."
            )

    async def run(self) -> int:
        """From connecting to the last drained call."""
        settings, line = self._settings, self._line
        stop = _stop_signal()
        worker = Assembly(
            line,
            settings,
            self._ring,
            self._served,
            self._rules,
            worker_id=self._worker_id,
            concurrency=self._concurrency,
        )
        if not await _connect(line, worker.clock, stop):
            return 0
        audit = AuditLog(settings.redis_url.reveal(), self._worker_id)
        await worker.start()
        beside = [
            asyncio.create_task(worker.clock.keep_measured(line)),
            asyncio.create_task(audit.write_for_ever()),
        ]
        log.info("worker started", backends=sorted(self._served), pid=os.getpid(), concurrency=self._concurrency)
        asyncio.get_running_loop().call_later(2.0, _freeze)
        await stop.wait()

        await worker.stop()
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._equipment.children.close()
        await audit.close()
        await line.close()
        log.info("worker stopped")
        return 0


def _opener(entry: BackendEntry) -> OpenBackend:
    """The kind of backend that an entry asks for."""
    for kind in entry_points(group="toolmesh.backends", name=entry.transport):
        return cast(OpenBackend, kind.load())
    return open_missing


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _connect(line: RedisLine, clock: BrokerClock, stop: asyncio.Event) -> bool:
    """Wait for the broker; gives False when the process is told to stop before it is there."""
    while not stop.is_set():
        try:
            await line.open()
            await ensure_functions(line)
            await clock.measure(line)
        except MeshError as error:
            log.warning("waiting for the broker", reason=error.detail)
            try:
                async with asyncio.timeout(1):
                    await stop.wait()
            except TimeoutError:
                continue
        else:
            return True
    return False


def _freeze() -> None:
    """Take what start-up made out of the collector's sight: its pauses are the tail of the latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
