"""Tells the workers which resources clients of this edge want to hear of, again and again for as long as it is true."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress

import structlog
from redis.exceptions import ResponseError

from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal
from shared.errors import BrokerUnavailable
from shared.identity import Principal, share_of
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.messages import Wanted as WantedMessage

log = structlog.get_logger()

_AGAIN_S = keys.WANTED_TTL_S / 3
_BATCH = 100
Resource = tuple[str, str]
"""Backend and its own URI."""


class Wanted:
    """Counts who wants what, and says so."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        clock: BrokerClock,
        group_of: Mapping[str, str],
        *,
        principal_max: int,
    ) -> None:
        self._line = line
        self._ring = ring
        self._clock = clock
        self._group_of = group_of
        self._principal_max = principal_max
        self._streams: Counter[Resource] = Counter()
        self._of: dict[str, Counter[Resource]] = {}

    def add(self, principal: Principal, resources: Iterable[Resource]) -> frozenset[Resource]:
        """One stream more wants these; gives those that fit into what the principal may follow."""
        mine = self._of.setdefault(share_of(principal), Counter())
        taken = []
        for resource in resources:
            if resource not in mine and len(mine) >= self._principal_max:
                continue
            mine[resource] += 1
            self._streams[resource] += 1
            taken.append(resource)
            if self._streams[resource] == 1:
                self._say(*resource)
        return frozenset(taken)

    def remove(self, principal: Principal, resources: Iterable[Resource]) -> None:
        """One stream less wants these. What nobody wants any more is forgotten by the workers after a while."""
        share = share_of(principal)
        mine = self._of.get(share, Counter())
        for resource in resources:
            for counter in (mine, self._streams):
                counter[resource] -= 1
                if counter[resource] <= 0:
                    del counter[resource]
        if not mine:
            self._of.pop(share, None)

    def _say(self, backend: str, uri: str) -> None:
        group = self._group_of.get(backend)
        if group is None or group not in self._ring.groups:
            return
        until_ms = self._clock.now_ms() + keys.WANTED_TTL_S * 1000
        wanted = WantedMessage(backend=backend, uri=uri, until_ms=until_ms)
        sealed = seal(self._ring, group, wanted)
        name = keys.wanted(group, backend)
        self._line.send("HSET", name, wanted.field, sealed)
        self._line.send("PEXPIRE", name, keys.WANTED_TTL_S * 1000)
        self._line.send("PUBLISH", keys.control_channel(group), sealed)

    async def repeat(self) -> None:
        """Say it again before it is forgotten; to be run as a task for as long as the edge lives."""
        while True:
            await asyncio.sleep(_AGAIN_S)
            with suppress(BrokerUnavailable, ResponseError):
                for number, resource in enumerate(list(self._streams), 1):
                    self._say(*resource)
                    if number % _BATCH == 0:
                        await self._line.cmd("PING")
