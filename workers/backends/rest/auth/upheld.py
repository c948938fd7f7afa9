"""Something that is got with credentials, is good for a while, and is got anew then: once for all workers of the group.

From the nearest place: this worker's memory, the broker, the server that gives it. One worker at a time asks that server,
the others wait for what it gets; in one worker all calls wait for the one task that does this, which no call's end ends.
Where the broker is away a worker gets it for itself alone.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from shared import rest_keys
from shared.errors import BrokerUnavailable, UpstreamUnreachable
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.sharing import SharedValue, Turn, digest_of, not_now
from workers.backends.rest.failed import Failed

log = structlog.get_logger()

T = TypeVar("T", bound=msgspec.Struct)
T_co = TypeVar("T_co", bound=msgspec.Struct, covariant=True)
Key = tuple[str, ...]
"""The values of the credentials that something is got with."""

_FIRST_LOOK_S = 0.02
_LOOK_S_MAX = 0.25
_CLOSE_S = 2.0
"""A worker that stops has not longer for a server that does not answer."""


class Source(Protocol[T_co]):
    """The server that gives it."""

    async def fetch(self, key: Key, until: float | None) -> tuple[T_co, float]:
        """What it gives, and for how many seconds that is good. `until`: the loop time to which no other worker asks for
        the same; None where others may. Raises Failed (it refuses), MeshError (it can't be asked)."""
        ...


@dataclass(slots=True)
class _Held(Generic[T]):
    """What this worker remembers."""

    value: T
    key: Key
    until: float
    """Loop time."""


@dataclass(slots=True)
class _Refused:
    """That the server refused: it is not asked again at once, since many wrong log-ins lock an account."""

    key: Key
    until: float
    failed: Failed = field(repr=False)


class Upheld(Generic[T]):
    """One such thing of one backend."""

    def __init__(
        self, place: Place, kind: type[T], source: Source[T], made_of: Key, turn_of: Callable[[Key], Key], *, alone: bool
    ) -> None:
        """`made_of`: what makes it this thing, beside the credentials; `turn_of`: what two workers may not get at the same
        time; `alone`: whether it may be got without a turn, where the broker is away or others take too long."""
        self._place = place
        self._kind = kind
        self._source = source
        self._made_of = made_of
        self._turn_of = turn_of
        self._alone = alone
        self._turn_s = 1.5 * place.settings.rest_token_s
        self._held: _Held[T] | None = None
        self._refused: _Refused | None = None
        self._rejected: T | None = None
        self._renewed_at = float("-inf")
        """When it was got anew last because the API did not take it; minus infinity once the API took one."""
        self._task: asyncio.Task[T] | None = None
        self._task_key: Key = ()

    async def current(self, key: Key) -> T:
        """One that is good. Raises Failed, MeshError."""
        while True:
            held = self._held
            now = asyncio.get_running_loop().time()
            if held is not None and held.until > now and held.key == key:
                return held.value
            refused = self._refused
            if refused is not None and refused.until > now and refused.key == key:
                raise Failed(refused.failed.code, refused.failed.message)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._obtain(key), name=f"token-{self._place.entry.name}")
                self._task.add_done_callback(_look_at)
                self._task_key = key
            task, for_us = self._task, self._task_key == key
            if for_us:
                return await asyncio.shield(task)
            await asyncio.wait({task})

    def reject(self, value: object) -> bool:
        """The API did not take it. Whether another one may be had: not twice in a short time without success."""
        held = self._held
        if held is None or (value is not None and held.value != value):
            return True  # there is another one already, or one is being got
        now = asyncio.get_running_loop().time()
        if now < self._renewed_at + self._place.settings.rest_token_pause_s:
            return False
        self._renewed_at = now
        self._rejected, self._held = held.value, None
        return True

    def accepted(self) -> None:
        """The API took it."""
        self._renewed_at = float("-inf")

    async def close(self) -> None:
        """Wait a little for what is under way, then end it."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=_CLOSE_S)
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _obtain(self, key: Key) -> T:
        shared = self._place.shared(self._kind, rest_keys.upstream_token, (*self._made_of, *key))
        name = rest_keys.token_turn(self._place.entry.group, digest_of(self._turn_of(key)))
        turn = Turn(self._place.equipment.line, name, self._turn_s)
        until, away = None, False
        try:
            found = await self._wait(shared, turn)
            if found is not None:
                return self._keep(key, *found)
            until = turn.until
        except BrokerUnavailable as cause:
            if not self._alone:
                raise not_now(self._place.entry.name, cause) from cause
            away = True
            log.warning("a token is got for this worker alone", backend=self._place.entry.name, why=cause.detail)
        except _TooLong:
            if not self._alone:
                raise UpstreamUnreachable(
                    f"Another worker gets a token for backend {self._place.entry.name!r} and does not come to an end. "
                    "Nothing was sent; try again."
                ) from None
        try:
            value, life_s = await self._fetch(key, until)
            if not away:
                await self._share(shared, value, life_s)
            return self._keep(key, value, life_s)
        finally:
            if until is not None:
                await turn.give_back()

    async def _wait(self, shared: SharedValue[T], turn: Turn) -> tuple[T, float] | None:
        """What another worker got; None when it is our turn. Raises BrokerUnavailable, _TooLong."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._turn_s
        pause_s = _FIRST_LOOK_S
        while True:
            if (found := await self._usable(shared)) is not None:
                return found
            if await turn.take():
                # Whoever had the turn before may have come to its end since we looked.
                found = await self._usable(shared)
                if found is not None:
                    await turn.give_back()
                return found
            if loop.time() > until:
                raise _TooLong
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)
            pause_s = min(pause_s * 1.5, _LOOK_S_MAX)

    async def _usable(self, shared: SharedValue[T]) -> tuple[T, float] | None:
        found = await shared.read()
        return found if found is not None and found[0] != self._rejected else None

    async def _fetch(self, key: Key, until: float | None) -> tuple[T, float]:
        try:
            return await self._source.fetch(key, until)
        except Failed as failed:
            until = asyncio.get_running_loop().time() + self._place.settings.rest_token_pause_s
            self._refused = _Refused(key, until, failed)
            raise

    async def _share(self, shared: SharedValue[T], value: T, life_s: float) -> None:
        try:
            await shared.write(value, life_s)
        except BrokerUnavailable as away:
            log.warning("a token is not shared with other workers", backend=self._place.entry.name, why=away.detail)

    def _keep(self, key: Key, value: T, life_s: float) -> T:
        self._held = _Held(value, key, asyncio.get_running_loop().time() + life_s)
        self._refused = self._rejected = None
        return value


class _TooLong(Exception):
    """Others had their turn for longer than one lasts."""


def _look_at(task: asyncio.Task[T]) -> None:
    """Every call that waited may be gone; what went wrong was told to those that were not."""
    if not task.cancelled():
        task.exception()
