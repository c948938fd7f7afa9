"""The one place that knows arq's worker: claiming jobs at once, fairly and from several queues.

A subclass of `arq.Worker` that keeps arq's keys, job format, counters and life cycle and replaces its two traps: the
sleeping poll, by a doorbell (a blocking pop on a connection of its own); and the claim and bookkeeping in a dozen round
trips, by one Redis function each. A sweep takes what no doorbell told of: leases of dead workers, lost tokens.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.exceptions import RedisError, ResponseError

from shared import keys
from shared.codec import pack, unpack
from shared.errors import BrokerUnavailable
from shared.functions import fcall
from shared.jobs import envelope_of
from shared.line import RedisLine
from shared.settings import Settings
from workers.bulkhead import Bulkhead
from workers.claimed import Claimed, Discarded, mark_ms, read_claims

log = structlog.get_logger()

_BLOCK_S_MIN = 0.01
_SWEEP_JITTER = (0.8, 1.2)
_NOTHING_OPEN_S = 0.05
_OWN_BELL_MS = 10_000


class JobFunction(Protocol):
    """The one job function: takes a claim and the envelope that arq's job dictionary held (None: it held none)."""

    def __call__(self, claimed: Claimed, envelope: bytes | None) -> Awaitable[None]: ...


class MeshWorker(Worker):
    """Claims jobs of several queues and runs each as a task."""

    def __init__(
        self,
        line: RedisLine,
        settings: Settings,
        *,
        worker_id: str,
        queues: Iterable[str],
        concurrency: int,
        run: JobFunction,
        discard: Callable[[Discarded], None],
        is_open: Callable[[str], bool] = lambda queue: True,
        apart: Mapping[str, int] | None = None,
    ) -> None:
        """`queues` share `concurrency` slots; those of `apart` have as many of their own as it says. `is_open` tells
        whether a queue's backend can take calls yet: what it can't run stays for others."""
        url = settings.redis_url.reveal()
        self._bulkheads = {name: Bulkhead(name, min(settings.backend_concurrency, concurrency)) for name in queues}
        self._bulkheads |= {name: Bulkhead(name, limit, apart=True) for name, limit in (apart or {}).items()}
        super().__init__(
            functions=[func(self._arq_entry, name=keys.JOB_NAME, keep_result=0, max_tries=1)],
            queue_name=next(iter(self._bulkheads)),
            redis_pool=ArqRedis.from_url(url),
            handle_signals=False,
            poll_delay=0,
            max_jobs=concurrency,
            keep_result=0,
            job_serializer=pack,
            job_deserializer=unpack,
            log_results=False,
        )
        self._line = line
        # A line of its own, since it blocks; it answers at the latest when the next sweep is due.
        self._doorbell = RedisLine(
            url, pending_max=2, timeout_s=settings.redis_timeout_s + settings.sweep_s * _SWEEP_JITTER[1]
        )
        self._worker_id = worker_id
        self._lease_ms = int(settings.lease_s * 1000)
        self._mark_ms = mark_ms(settings)
        self._sweep_s = settings.sweep_s
        self._next_sweep = 0.0
        self._run = run
        self._discard = discard
        self._is_open = is_open
        self._slot_freed = asyncio.Event()
        self._own_bell = keys.own_bell(worker_id)
        self._unheard: set[str] = set()
        """Queues that were full when the wait for the bells began."""
        self._extra_claims: set[asyncio.Task[None]] = set()

    @staticmethod
    async def _arq_entry(ctx: dict[Any, Any], envelope: bytes) -> None:
        """What arq's tools see as the function; jobs are run by `_run_claimed`."""

    async def drain(self, within_s: float) -> None:
        """Claim nothing more and wait for what runs; tasks that are still there after `within_s` are left to the caller."""
        self.allow_pick_jobs = False
        if self.main_task is not None:
            self.main_task.cancel()
            await asyncio.gather(self.main_task, return_exceptions=True)
        await asyncio.gather(*self._extra_claims, return_exceptions=True)
        if self.tasks:
            await asyncio.wait(self.tasks.values(), timeout=within_s)

    async def let_go(self) -> None:
        """Close this worker's own connections."""
        await self._doorbell.close()
        await self.pool.aclose()

    async def main(self) -> None:
        """arq's main loop, without its banner; an unreachable broker is waited for."""
        opened = False
        while self.allow_pick_jobs:
            try:
                if not opened:
                    await self._doorbell.open()
                    opened = True
                await self._poll_iteration()
            except (BrokerUnavailable, RedisError, OSError) as error:
                log.debug("no claim", reason=type(error).__name__)
                await asyncio.sleep(random.uniform(0.05, 0.2))  # noqa: S311 (jitter, not a secret)

    async def _poll_iteration(self) -> None:
        if self.job_counter >= self.max_jobs:
            # Full: a token that is taken now would be work that nobody else sees.
            self._slot_freed.clear()
            await self._slot_freed.wait()
            self._next_sweep = 0.0
        loop = asyncio.get_running_loop()
        wait_s = self._next_sweep - loop.time()
        if wait_s <= 0:
            self._next_sweep = loop.time() + self._sweep_s * random.uniform(*_SWEEP_JITTER)  # noqa: S311
            await self._sweep()
            return
        heard = [name for name, b in self._bulkheads.items() if b.free > 0 and self._is_open(name)]
        bells = [f"{name}:bell" for name in heard]
        if not any(map(self._is_open, self._bulkheads)):
            wait_s = min(wait_s, _NOTHING_OPEN_S)
        if len(bells) > 1:
            # The broker serves the first key that has something: no queue is always the first.
            turn = random.randrange(len(bells))  # noqa: S311
            bells = bells[turn:] + bells[:turn]
        self._unheard = self._bulkheads.keys() - set(heard)
        bells.append(self._own_bell)
        rung = await self._doorbell.cmd("BLPOP", *bells, max(wait_s, _BLOCK_S_MIN))
        self._unheard = set()
        if rung is not None and (bulkhead := self._bulkheads.get(rung[0].decode().removesuffix(":bell"))):
            await self._claim(bulkhead)

    def _room(self, bulkhead: Bulkhead) -> int:
        """How many more calls of a queue may run now."""
        return bulkhead.free if bulkhead.apart else min(bulkhead.free, self.max_jobs - self.job_counter)

    def _take(self, bulkhead: Bulkhead, slots: int) -> None:
        """Take slots, or give them back."""
        bulkhead.take(slots)
        if not bulkhead.apart:
            self.job_counter += slots

    async def _claim(self, bulkhead: Bulkhead) -> None:
        """Lease what waits on one queue, as far as there are slots, and run it."""
        free = self._room(bulkhead)
        bulkhead.starved = free <= 0
        if free <= 0:
            return
        self._take(bulkhead, free)
        sent_at = asyncio.get_running_loop().time()
        try:
            reply = await self._lease("claim", [bulkhead.queue], [free])
        finally:
            self._take(bulkhead, -free)
            self._slot_freed.set()
        claimed, discarded = self._read(reply, sent_at)
        bulkhead.starved = len(claimed) == free
        self._start(claimed, discarded)

    async def _sweep(self) -> None:
        """Look at every queue once, whether its bell rang or not."""
        names, free = [], []
        for name, bulkhead in self._bulkheads.items():
            if (slots := self._room(bulkhead)) > 0 and self._is_open(name):
                names.append(name)
                free.append(slots)
        sent_at = asyncio.get_running_loop().time()
        for name, slots in zip(names, free, strict=True):
            self._bulkheads[name].take(slots)
        try:
            reply = await self._lease("sweep", names, free) if names else []
        finally:
            for name, slots in zip(names, free, strict=True):
                self._bulkheads[name].give_back(slots)
        self._start(*self._read(reply, sent_at))

    def _read(self, reply: list[bytes | int], sent_at: float) -> tuple[list[Claimed], list[Discarded]]:
        """To be called in the moment of the reply: a line that breaks after it has another epoch."""
        return read_claims(reply, self._worker_id, sent_at + self._lease_ms / 1000, self._line.epoch)

    async def _lease(self, function: str, names: list[str], free: list[int]) -> list[bytes | int]:
        try:
            reply: list[bytes | int] = await fcall(
                self._line, function, names, self._worker_id, self._lease_ms, self._mark_ms, *free
            )
        except ResponseError as error:
            log.error("claim refused by the broker", reason=str(error))
            await asyncio.sleep(1)
            return []
        return reply

    def _start(self, claimed: list[Claimed], discarded: list[Discarded]) -> None:
        for job in discarded:
            self._discard(job)
        loop = asyncio.get_running_loop()
        for claim in claimed:
            self._take(self._bulkheads[claim.queue], 1)
            task = loop.create_task(self._run_claimed(claim))
            self.tasks[claim.job_id] = task
            task.add_done_callback(partial(self._ended, claim))

    async def _run_claimed(self, claim: Claimed) -> None:
        await self._run(claim, envelope_of(claim.payload))

    def _ended(self, claim: Claimed, task: asyncio.Task[None]) -> None:
        if self.tasks.get(claim.job_id) is task:
            del self.tasks[claim.job_id]
        bulkhead = self._bulkheads[claim.queue]
        self._take(bulkhead, -1)
        self._slot_freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.jobs_failed += 1
            log.error("the job function raised", job=claim.job_id, exc_info=error)
        else:
            self.jobs_complete += 1
        if bulkhead.starved and self.allow_pick_jobs:
            # Its bell is not listened to while it is full, so look for ourselves. One look serves all slots of this tick.
            bulkhead.starved = False
            look = asyncio.get_running_loop().create_task(self._look(bulkhead))
            self._extra_claims.add(look)
            look.add_done_callback(self._extra_claims.discard)

    async def _look(self, bulkhead: Bulkhead) -> None:
        try:
            await self._claim(bulkhead)
            if not bulkhead.starved and bulkhead.queue in self._unheard:
                await self.hear_anew()
        except BrokerUnavailable:
            bulkhead.starved = True

    async def hear_anew(self) -> None:
        """A queue has room again, or its backend is open now, and nobody listens to its bell: wake the one who waits for
        the others. Raises BrokerUnavailable."""
        self._unheard = set()
        await asyncio.gather(
            self._line.cmd("RPUSH", self._own_bell, "1"),
            self._line.cmd("PEXPIRE", self._own_bell, _OWN_BELL_MS),
        )
