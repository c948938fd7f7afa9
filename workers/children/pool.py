"""The children of one process: `async with pool.child("javascript", tenant, budget_s) as child`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from shared.errors import ConfigurationError, SandboxTimeout
from shared.settings import Settings
from workers.children.child import ChildProcess
from workers.children.engine import ENGINES, Engine
from workers.children.owner import Owner
from workers.children.roster import Roster


class Pool:
    """Children of all engines. Nothing is started before `prepare` or the first `child`."""

    def __init__(self, settings: Settings, engines: Mapping[str, Engine] = ENGINES) -> None:
        self._settings = settings
        self._engines = engines
        self._rosters: dict[str, Roster] = {}
        self._watching: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def child(
        self, engine: str, tenant: str, budget_s: float, *, wait_s: float | None = None, worker: str = ""
    ) -> AsyncIterator[ChildProcess]:
        """See `Children`. `worker`: whose tenant it is, of those that a sandbox service serves."""
        roster = self._roster(engine)
        child = await roster.take(Owner(tenant, worker), self._settings.children_wait_s if wait_s is None else wait_s)
        clean = False
        over = SandboxTimeout(f"It ran for longer than {budget_s:g} s and was ended.", data={"budget_s": budget_s})
        try:
            async with asyncio.timeout(budget_s) as limit:
                yield child
                clean = True
        except TimeoutError:
            if limit.expired():
                raise over from None
            raise
        finally:
            if not clean:
                child.kill()
            roster.put_back(child, clean=clean)

    def prepare(self, engine: str) -> None:
        """See `Children`."""
        self._roster(engine).prepare()

    @property
    def is_well(self) -> bool:
        """Whether children of all engines that were asked for can be had."""
        return all(roster.is_well for roster in self._rosters.values())

    async def close(self) -> None:
        """See `Children`."""
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*(roster.close() for roster in self._rosters.values()))

    def _roster(self, name: str) -> Roster:
        if name not in self._rosters:
            engine = self._engines.get(name)
            if engine is None:
                raise ConfigurationError(f"There is no engine {name}; there are {', '.join(sorted(self._engines))}.")
            self._rosters[name] = Roster(engine, self._settings)
            if self._watching is None:
                self._watching = asyncio.create_task(self._watch())
        return self._rosters[name]

    async def _watch(self) -> None:
        """Look after what the children use."""
        while True:
            await asyncio.sleep(self._settings.children_poll_s)
            for roster in self._rosters.values():
                roster.look()
