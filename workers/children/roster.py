"""The children of one engine: those that stand ready, those that wait for their tenant, those at work."""

import asyncio
from collections import Counter

import structlog

from shared.errors import MeshError, SandboxBusy, SandboxMemory, SandboxTimeout, SandboxUnavailable
from shared.settings import Settings
from workers.children.child import ChildProcess, start_child
from workers.children.engine import Engine
from workers.children.owner import Owner
from workers.children.shares import Shares
from workers.children.turns import Place, Turns
from workers.children.usage import usage_of

log = structlog.get_logger()

_STARTS_MAX = 4
"""Children that start at a time: each takes some 40 ms of CPU."""
_NICE_FIRST, _NICE_STEP = 5, 7
"""The more runs of one tenant are under way, the lower the priority (setpriority(2)) of a further one: many scripts of one
tenant that compute for ever take little from one of another, and nothing from the mesh itself."""
_PAUSE_S = 0.1
_PAUSE_S_MAX = 5.0
_AGAIN_S = 1.0


class Roster:
    """Mutable. What changes it ends in `_match`: whoever waits gets what is there, and what is missing is started."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._at_work: set[ChildProcess] = set()
        self._engine = engine
        self._settings = settings
        self._fresh: list[ChildProcess] = []
        self._kept: dict[ChildProcess, float] = {}
        """Those that had a tenant, with the time since when they wait; the longest first."""
        self._living: set[ChildProcess] = set()
        """All of them, also those that were killed and are not reaped yet."""
        self._turns = Turns()
        self._shares = Shares(settings.children_tenant_max)
        self._starting: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._told = False
        self._open = False
        self._pause: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """Have spare children from now on."""
        self._open = True
        self._match()

    @property
    def is_well(self) -> bool:
        """Whether there are children; none that could be started is not well."""
        return self._pause is None and bool(self._living)

    async def take(self, owner: Owner, wait_s: float) -> ChildProcess:
        """A child that nobody but its owner had. Raises SandboxBusy or SandboxUnavailable."""
        if self._turns.waiting >= self._settings.children_queue_max:
            raise SandboxBusy("As many runs wait for the sandbox as may wait. Try again later.", retry_after_s=_AGAIN_S)
        place = self._turns.enter(owner)
        self.prepare()
        try:
            async with asyncio.timeout(wait_s):
                return await place.called
        except TimeoutError:
            self._let_go(place)
            raise SandboxBusy("No sandbox was free in time. Try again later.", retry_after_s=_AGAIN_S) from None
        except BaseException:
            self._let_go(place)
            raise
        finally:
            self._turns.leave(place)

    def _let_go(self, place: Place) -> None:
        """Who waited is gone; a child that came in the same moment is for the next one."""
        called = place.called
        if called.done() and not called.cancelled() and called.exception() is None:
            self.put_back(called.result(), clean=True)

    def put_back(self, child: ChildProcess, *, clean: bool) -> None:
        """A block is over. `clean`: the child may be given to its tenant again."""
        self._at_work.remove(child)
        assert child.owner is not None
        usable = clean and child.is_idle
        self._shares.give_back(child.owner.tenant, clean=usable)
        if usable and child.runs < self._settings.child_runs_max:
            self._kept[child] = asyncio.get_running_loop().time()
        else:
            child.kill()
        self._match()

    def look(self) -> None:
        """End the children that have used more than they may, and those whose tenant has not come again for long."""
        for child in list(self._at_work):
            usage = usage_of(child.pid)
            if child.dead or usage is None:
                continue
            if usage.cpu_s - child.cpu_before_s > self._settings.code_cpu_s:
                child.kill(SandboxTimeout(f"It used more than {self._settings.code_cpu_s:g} s of CPU time and was ended."))
            elif usage.resident_bytes > self._settings.child_memory_mib << 20:
                child.kill(SandboxMemory(f"It took more than {self._settings.child_memory_mib} MiB and was ended."))
        self._retire()

    def _retire(self) -> None:
        until = asyncio.get_running_loop().time() - self._settings.children_idle_s
        for child in [child for child, since in self._kept.items() if since < until]:
            del self._kept[child]
            child.kill()
        while len(self._fresh) > self._settings.children_spare and not self._turns.waiting:
            self._fresh.pop().kill()  # it was started for somebody who did not wait for it

    async def close(self) -> None:
        """Kill all."""
        self._open = False
        if self._pause is not None:
            self._pause.cancel()
        self._turns.dismiss(SandboxUnavailable("This worker stops."))
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        living = list(self._living)
        for child in living:
            child.kill(SandboxUnavailable("This worker stops."))
        await asyncio.gather(*(child.ended for child in living), return_exceptions=True)

    def _kept_for(self, owner: Owner) -> ChildProcess | None:
        """The owner's own, unless it has said something since its last run was over: that would answer the next one."""
        for child in [child for child in self._kept if child.owner == owner]:
            if child.is_idle:
                return child
            del self._kept[child]
            child.kill()
        return None

    def _first_fresh(self) -> ChildProcess | None:
        while self._fresh:
            if self._fresh[0].is_idle:
                return self._fresh[0]
            self._fresh.pop(0).kill()
        return None

    def _match(self) -> None:
        """Give what is there, tenant by tenant in turn, and start what is missing, for them first and then as spare."""
        if not self._open:
            return
        promised: Counter[str] = Counter()
        for tenant in self._turns.in_turn():
            if self._shares.room(tenant) <= promised[tenant]:
                continue
            owner = self._turns.next(tenant)
            child = self._kept_for(owner) or self._first_fresh()
            if child is not None:
                place = self._turns.call(tenant)
                if not place.called.done():
                    self._give(child, owner)
                    place.called.set_result(child)
            elif promised.total() < len(self._starting) or self._start(self._kept):
                promised[tenant] += 1
            elif not self._kept:
                break
        spare = self._settings.children_spare
        while len(self._fresh) + len(self._starting) - promised.total() < spare:
            if not self._start(len(self._kept) > spare):
                break

    def _give(self, child: ChildProcess, owner: Owner) -> None:
        self._kept.pop(child, None)
        if child in self._fresh:
            self._fresh.remove(child)
        child.owner = owner
        child.be_nice(_NICE_FIRST + _NICE_STEP * self._shares.count(owner.tenant))
        usage = usage_of(child.pid)
        child.cpu_before_s = usage.cpu_s if usage is not None else 0.0
        child.runs += 1
        self._shares.take(owner.tenant)
        self._at_work.add(child)

    def _start(self, may_evict: object) -> bool:
        """Start a child, where one may be; in the place of the one that waits for its tenant for longest, if need be."""
        if self._pause is not None or len(self._starting) >= _STARTS_MAX:
            return False
        if self._count() >= self._settings.children_max:
            if not may_evict:
                return False
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            oldest.kill()
        self._starting.add(asyncio.create_task(self._bring()))
        return True

    def _count(self) -> int:
        return len(self._fresh) + len(self._kept) + len(self._at_work) + len(self._starting)

    async def _bring(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            child = await start_child(self._engine, self._settings)
        except Exception as cause:
            self._starting.discard(task)
            self._failed(cause if isinstance(cause, MeshError) else SandboxUnavailable(f"No sandbox can be had: {cause}."))
            return
        self._starting.discard(task)
        self._failures = 0
        self._tell(child)
        self._living.add(child)
        self._fresh.append(child)
        child.ended.add_done_callback(lambda _: self._gone(child))
        self._match()

    def _failed(self, cause: MeshError) -> None:
        """After a pause it is tried again; who waits and has no child of this engine to hope for is told."""
        if not (self._fresh or self._kept or self._at_work or self._starting):
            self._turns.dismiss(cause)
        if self._open and self._pause is None:
            log.error("children do not start", engine=self._engine.name, reason=cause.detail)
            self._failures += 1
            pause_s = min(_PAUSE_S * 2 ** min(self._failures, 10), _PAUSE_S_MAX)
            self._pause = asyncio.get_running_loop().call_later(pause_s, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._match()

    def _gone(self, child: ChildProcess) -> None:
        """It ended, killed or not; where it was at work, its block takes note itself."""
        child.kill()
        self._living.discard(child)
        if child in self._fresh:
            self._fresh.remove(child)
        self._kept.pop(child, None)
        self._match()

    def _tell(self, child: ChildProcess) -> None:
        """Say once what keeps the children in, and what this system can't give."""
        if self._told:
            return
        self._told = True
        open_ways = sorted(what for what, means in child.given.items() if not means)
        say = log.warning if open_ways else log.info
        say("children are ready", engine=self._engine.name, not_kept_in=open_ways, missing=child.refused)
