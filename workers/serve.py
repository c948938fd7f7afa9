"""The worker process: opens its backends, claims, and drains when it is told to stop."""

import asyncio
import gc
import os
import secrets
import signal
from importlib.metadata import entry_points
from typing import cast

import structlog

from shared import keys
from shared.clock import BrokerClock
from shared.configuration import BackendEntry
from shared.errors import BrokerUnavailable, ConfigurationError, MeshError
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.log import configure
from shared.mesh_keys import KeyRing
from shared.settings import Settings
from shared.subscription import Subscription
from workers.audit_log import AuditLog
from workers.backends.backend import OpenBackend
from workers.calls import Calls
from workers.control import Control
from workers.credentials import Credentials
from workers.leases import Leases, Stop
from workers.missing import open_missing
from workers.presence import Presence
from workers.publishing import Publisher
from workers.runtime import MeshWorker
from workers.served import Served

log = structlog.get_logger()

_LANES = ("read", "write")
_AFTERMATH_S = 1.5
_CLOCK_S = 10.0


def serve(settings: Settings, entries: tuple[BackendEntry, ...], *, concurrency: int | None) -> int:
    """Run a worker until SIGTERM or SIGINT; gives the exit code. Raises MeshError when it can't start."""
    import uvloop

    if settings.mesh_keys is None:
        raise ConfigurationError("A worker needs TOOLMESH_MESH_KEYS (group:keyid:base64key[,…] or a file with it).")
    worker_id = f"w-{secrets.token_hex(6)}"
    configure(settings.log_level, settings.log_format, worker_id)
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
        self._worker_id = worker_id
        self._concurrency = concurrency or settings.worker_concurrency
        self._clock = BrokerClock()
        self._served = {
            entry.name: Served(entry=entry, backend=_opener(entry)(entry, settings, Credentials()))
            for entry in entries
            if entry.group in ring.groups
        }
        if not self._served:
            raise ConfigurationError(
                "This worker has no backend to serve: TOOLMESH_MESH_KEYS holds no key of a group that backends.yaml names."
            )

    async def run(self) -> int:
        """From connecting to the last drained call."""
        settings, url = self._settings, self._settings.redis_url.reveal()
        line = RedisLine(url, pending_max=settings.redis_pending_max, timeout_s=settings.redis_timeout_s)
        stop = _stop_signal()
        if not await _connect(line, stop):
            return 0
        await ensure_functions(line)
        await self._clock.measure(line)
        publisher = Publisher(
            line, self._ring, self._clock, self._worker_id, inline_bytes_max=settings.inline_result_bytes_max
        )
        leases = Leases(line, lease_s=settings.lease_s, renew_s=settings.lease_renew_s)
        calls = Calls(self._served, self._ring, self._clock, leases, publisher)
        queues = [keys.queue(s.entry.group, s.entry.name, lane) for s in self._served.values() for lane in _LANES]
        runtime = MeshWorker(
            line,
            settings,
            worker_id=self._worker_id,
            queues=queues,
            concurrency=self._concurrency,
            run=calls.run,
            discard=publisher.note_discarded,
            is_open=calls.can_run,
        )
        presence = Presence(self._served, line, self._ring, self._clock, settings, worker_id=self._worker_id, queues=queues)
        groups = sorted({s.entry.group for s in self._served.values()})
        control = Control(self._ring, self._clock, leases, publisher, groups)
        cancels = Subscription(url, control.channels, control.on_message, _nothing, timeout_s=settings.redis_timeout_s)
        audit = AuditLog(url, self._worker_id)

        async def greet() -> None:
            await ensure_functions(line)
            await self._clock.measure(line)
            await presence.publish_all()

        line.on_connect.append(greet)
        await cancels.open()
        tasks = [
            asyncio.create_task(job)
            for job in (
                runtime.async_run(),
                presence.beat(),
                leases.keep_renewed(),
                self._keep_time(line),
                *(presence.keep_listed(s) for s in self._served.values()),
            )
        ]
        recording = asyncio.create_task(audit.write_for_ever())
        log.info("worker started", backends=sorted(self._served), pid=os.getpid(), concurrency=self._concurrency)
        asyncio.get_running_loop().call_later(2.0, _freeze)
        await stop.wait()

        log.info("draining", calls=len(runtime.tasks))
        await presence.say_goodbye()
        tasks[1].cancel()
        await runtime.drain(settings.drain_s)
        leases.stop_all(Stop.SHUTDOWN)
        if runtime.tasks:
            await asyncio.wait(runtime.tasks.values(), timeout=_AFTERMATH_S)
        for task in (*tasks, recording):
            task.cancel()
        await asyncio.gather(*tasks, recording, return_exceptions=True)
        await asyncio.gather(*(s.backend.close() for s in self._served.values()), return_exceptions=True)
        await cancels.close()
        await audit.close()
        await runtime.let_go()
        await line.close()
        log.info("worker stopped")
        return 0

    async def _keep_time(self, line: RedisLine) -> None:
        while True:
            await asyncio.sleep(_CLOCK_S)
            try:
                await self._clock.measure(line)
            except BrokerUnavailable:
                continue


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


async def _connect(line: RedisLine, stop: asyncio.Event) -> bool:
    """Wait for the broker; gives False when the process is told to stop before it is there."""
    while not stop.is_set():
        try:
            await line.open()
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


async def _nothing() -> None:
    """A missed cancel costs only what its call costs; nothing is looked up."""


def _freeze() -> None:
    """Take what start-up made out of the collector's sight: its pauses are the tail of the latency."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
