"""Tells the operator when names are gone that clients hold on to: ChatGPT keeps the list of tools that it got, until its
user presses Refresh, and calls by a name that is gone fail.

The names last listed are a record of the edges, one for each backend, so that it is noticed over a restart too, and told by
one edge: whoever exchanges the record finds the former one. A list that changed is looked at when it has stayed as it is
for a while, and an empty one says nothing: backends that start list less than they have.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from redis.exceptions import ResponseError

from edge.accepted.renames import Gone, digest_of, gone
from edge.directory import Directory
from edge.sessions.records import Records
from shared import keys
from shared.codec import seal
from shared.errors import BrokerUnavailable
from shared.line import RedisLine
from shared.listed_names import ListedName, ListedNames
from shared.mesh_keys import KeyRing
from shared.settings import Settings

log = structlog.get_logger()

_TOLD_MAX = 20
_DIGESTS_AT_A_TIME = 100
_RENEWED_S_MAX = 24 * 3600.0


class ListedBefore:
    """Of one edge."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        directory: Directory,
        settings: Settings,
        *,
        refused: Callable[[str, str], None],
    ) -> None:
        self._line = line
        self._ring = ring
        self._directory = directory
        self._records = Records(ring, refused=refused, kind="list of names")
        self._settle_s = settings.listed_settle_s
        self._ttl_s = settings.listed_names_ttl_s
        self._looking: dict[str, asyncio.Task[None]] = {}

    def on_catalogue(self, backend: str) -> None:
        """Its tools are others now. Never waits."""
        pending = self._looking.pop(backend, None)
        if pending is not None:
            pending.cancel()
        self._looking[backend] = asyncio.get_running_loop().create_task(self._look_in_time(backend))

    async def keep(self) -> None:
        """Keep the records of backends that are there, for ever."""
        while True:
            await asyncio.sleep(min(self._ttl_s / 4, _RENEWED_S_MAX))
            if self._line.connected:
                for backend in self._directory.shelves:
                    self._line.send("PEXPIRE", keys.listed_names(backend), int(self._ttl_s * 1000))

    def stop(self) -> None:
        """Look no more."""
        for task in self._looking.values():
            task.cancel()

    async def _look_in_time(self, backend: str) -> None:
        while True:
            await asyncio.sleep(self._settle_s)
            try:
                await self._look(backend)
            except BrokerUnavailable:
                continue
            except ResponseError as cause:
                log.warning("names not compared", backend=backend, reason=type(cause).__name__)
            return

    async def _look(self, backend: str) -> None:
        """Raises BrokerUnavailable."""
        now = await self._listed(backend)
        if not now:
            return
        record = seal(self._ring, "edge", ListedNames(backend=backend, names=now))
        key, life_ms = keys.listed_names(backend), int(self._ttl_s * 1000)
        raw = await self._line.cmd("SET", key, record, "PX", life_ms, "GET")
        before = self._records.checked(raw, ListedNames) if raw is not None else None
        if before is not None and before.backend == backend:
            lost = gone(before.names, now, lambda name: self._leads_to(backend, name))
            there = self._directory.names[backend].shelf.tools
            bare = [each for each in lost if each.own in there]
            if bare:
                _tell_of_bare(backend, bare)
            renamed = [each for each in lost if each.own not in there]
            if renamed:
                _tell(backend, renamed, self._directory.entries[backend].aliases)

    async def _listed(self, backend: str) -> dict[str, ListedName]:
        space = self._directory.name_space
        listed = {**space.listed, **space.promoted}
        found = {}
        for number, (name, each) in enumerate(listed.items()):
            if each.tool.backend == backend:
                found[name] = ListedName(each.tool.definition.name, digest_of(each.tool.definition.definition))
            if number % _DIGESTS_AT_A_TIME == 0:
                await asyncio.sleep(0)
        return found

    def _leads_to(self, backend: str, name: str) -> bool:
        tool = self._directory.find_tool(None, name)
        return tool is not None and tool.backend == backend


def _tell(backend: str, lost: list[Gone], aliases: Mapping[str, str]) -> None:
    """`aliases`: what the operator has already; what is to be written holds that too."""
    renamed = {each.own: each.now for each in lost if each.now}
    wanted = {old: renamed.get(new, new) for old, new in aliases.items()} | renamed
    log.warning(
        "listed names are gone",
        backend=backend,
        count=len(lost),
        names=[each.listed for each in lost[:_TOLD_MAX]],
        renamed={each.own: each.now for each in lost[:_TOLD_MAX] if each.now},
        hint="Connectors keep the list of tools that they got: connected ChatGPT users must press Refresh, and until then "
        f"calls by these names fail. To keep the old names callable, write {_written(wanted)} at this backend in "
        "backends.yaml and start the edges again (docs/tool-definitions.md).",
    )


def _tell_of_bare(backend: str, lost: list[Gone]) -> None:
    log.warning(
        "bare names are gone",
        backend=backend,
        count=len(lost),
        names=[each.listed for each in lost[:_TOLD_MAX]],
        hint="The tools are there, by their whole names. Connectors keep the list that they got: connected ChatGPT "
        "users must press Refresh, and until then calls by these names fail. To keep the names, leave them in expose_tools "
        "at this backend in backends.yaml (docs/code-mode.md).",
    )


def _written(aliases: dict[str, str]) -> str:
    """As a line of backends.yaml; where nothing can be guessed, how it looks."""
    some = list(aliases.items())[:_TOLD_MAX] or [("old_name", "new_name")]
    more = ", …" if len(aliases) > _TOLD_MAX else ""
    return "`aliases: {" + ", ".join(f"{old}: {new}" for old, new in some) + more + "}`"
