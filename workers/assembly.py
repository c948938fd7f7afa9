"""The composition root of a worker: what it is made of, over one line to the broker; how it runs, drains and ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from shared import keys
from shared.authorization import Evaluator
from shared.clock import BrokerClock
from shared.code_mode import CODE
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings
from shared.watched import Watched
from workers.authorize import Authorizer
from workers.calls import Calls
from workers.changes import Changes
from workers.control import Control
from workers.dispatching import Dispatching
from workers.execution import Execution
from workers.inner.asking import Asking
from workers.leases import Leases, Stop
from workers.listening import Listening
from workers.owners import Owners
from workers.presence import Presence
from workers.publishing import Publisher
from workers.questions import Questions
from workers.runtime import MeshWorker
from workers.served import Served

log = structlog.get_logger()

_AFTERMATH_S = 1.5


class Assembly:
    """A worker without the process around it."""

    def __init__(
        self,
        line: RedisLine,
        settings: Settings,
        ring: KeyRing,
        served: dict[str, Served],
        rules: Watched[Evaluator],
        *,
        worker_id: str,
        concurrency: int,
    ) -> None:
        self._line = line
        self._rules = rules
        self._served = served
        self._drain_s = settings.drain_s
        self.worker_id = worker_id
        self.clock = BrokerClock()
        self.publisher = Publisher(line, ring, self.clock, worker_id, settings)
        self.leases = Leases(line, lease_s=settings.lease_s, renew_s=settings.lease_renew_s)
        self.questions = Questions(line, ring, self.publisher, settings)
        self.owners = Owners(line, worker_id, settings)
        groups = sorted({s.entry.group for s in served.values()})
        self.asking = Asking(line, ring, self.clock, self.publisher, groups, worker_id, settings)
        self.execution = Execution(self.owners, Authorizer(rules), self.asking, settings)
        calls = Calls(
            served,
            ring,
            self.clock,
            self.leases,
            self.publisher,
            self.questions,
            self.execution,
            Dispatching(line, self.clock, worker_id, settings),
            worker_id,
            settings,
        )
        self.runtime = MeshWorker(
            line,
            settings,
            worker_id=worker_id,
            queues=self._queues(apart=False) + self._own_parts(),
            apart=dict.fromkeys(self._queues(apart=True), settings.code_concurrency),
            concurrency=concurrency,
            run=calls.run,
            discard=self.publisher.note_discarded,
            is_open=calls.can_run,
        )
        self.changes = Changes(served, line, ring, self.clock, self.publisher, settings, worker_id)
        self.presence = Presence(
            served,
            line,
            ring,
            self.clock,
            settings,
            worker_id=worker_id,
            queues=self._queues(apart=False) + self._queues(apart=True),
            changes=self.changes,
            opened=self.runtime.hear_anew,
        )
        control = Control(ring, self.clock, self.leases, self.publisher, self.questions, self.asking, self.changes, groups)
        self.listening = Listening(settings, control, self.asking)
        self._beating: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[Any]] = []

    def _queues(self, *, apart: bool) -> list[str]:
        """The queues of served backends: of scripts and composites, which run apart from the calls that they make, or of
        all others."""
        return [
            keys.queue(entry.group, entry.name, lane)
            for entry in (s.entry for s in self._served.values())
            for lane in keys.lanes(entry.transport)
            if (entry.transport == CODE.transport or lane == keys.SCRIPTS) is apart
        ]

    def _own_parts(self) -> list[str]:
        """This worker's own parts of those queues that have parts."""
        return [
            keys.part(keys.queue(s.entry.group, s.entry.name, lane), self.worker_id)
            for s in self._served.values()
            if s.entry.affinity != "none" or s.entry.relay
            for lane in keys.lanes(s.entry.transport)
            if lane != keys.SCRIPTS
        ]

    async def start(self) -> None:
        """Listen, and let everything run."""
        self._line.on_connect.append(self._greet)
        await self.listening.open()
        self._beating = asyncio.create_task(self.presence.beat())
        jobs: tuple[Coroutine[Any, Any, Any], ...] = (
            self.runtime.async_run(),
            self.leases.keep_renewed(),
            self.owners.keep_held(),
            self.asking.keep_asking(),
            self.changes.run(),
            self._rules.keep_current(),
            *(self.presence.keep_listed(s) for s in self._served.values()),
        )
        self._tasks = [asyncio.create_task(job) for job in jobs]

    async def _greet(self) -> None:
        """The broker is there again, and may have come back empty. Leases come first, before anything is claimed over this
        line: what runs here is not to be given to anybody."""
        await self.leases.renew()
        await ensure_functions(self._line)
        await self.clock.measure(self._line)
        await self.presence.publish_all()

    async def stop(self) -> None:
        """Claim nothing more, finish what can be finished in time, and put back what is not begun."""
        log.info("draining", calls=len(self.runtime.tasks))
        await self._end(self._beating)
        await self.presence.say_goodbye()
        await self.runtime.drain(self._drain_s)
        self.leases.stop_all(Stop.SHUTDOWN)
        if self.runtime.tasks:
            await asyncio.wait(self.runtime.tasks.values(), timeout=_AFTERMATH_S)
        await self.execution.parked.close()
        await self._end(*self._tasks)
        await asyncio.gather(self.owners.let_go(), self.changes.let_go())
        await self._let_go()

    async def _let_go(self) -> None:
        if self._greet in self._line.on_connect:
            self._line.on_connect.remove(self._greet)
        await asyncio.gather(*(s.backend.close() for s in self._served.values()), return_exceptions=True)
        await self.listening.close()
        await self.runtime.let_go()

    @staticmethod
    async def _end(*tasks: asyncio.Task[Any] | None) -> None:
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
