"""The edge's side put together: what comes off the list is taken in hand, answered, signed for, and cancelled."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec
import structlog
from redis.exceptions import ResponseError

from edge.calls import Calls
from edge.discovery.finding import Finding
from edge.hints import Hints
from edge.inner.answering import Answering
from edge.inner.in_hand import Asked, InHand
from edge.inner.naming import Naming
from edge.inner.opening import Opened, Opening
from edge.inner.replies import Replies
from edge.inner.requests import Requests
from edge.mesh import Mesh
from edge.running import Running
from shared import keys
from shared.codec import seal
from shared.errors import BrokerUnavailable, ForgedMessage, PrincipalBusy

log = structlog.get_logger()


class InnerSide:
    """Of one edge."""

    def __init__(
        self, mesh: Mesh, calls: Calls, finding: Finding, naming: Naming, hints: Hints, *, in_touch: Callable[[], bool]
    ) -> None:
        """`in_touch`: as of `Calls`."""
        settings = mesh.settings
        self._mesh = mesh
        self._calls = calls
        self._replies = Replies(mesh.line, mesh.ring, mesh.clock, inline_bytes_max=settings.inline_result_bytes_max)
        self._in_hand = InHand(running_max=settings.inner_running_max, principal_max=settings.inner_principal_max)
        self._answering = Answering(mesh, calls, finding, naming, hints, self._replies, self._in_hand.hold)
        self._opening = Opening(mesh.ring, mesh.clock, settings)
        self._requests = Requests(
            settings.redis_url.reveal(),
            self._take,
            lambda: self._in_hand.free if in_touch() else 0,
            self._in_hand.room,
            timeout_s=settings.redis_timeout_s,
        )
        self._taking: asyncio.Task[None] | None = None
        self._signing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take requests."""
        loop = asyncio.get_running_loop()
        self._taking = loop.create_task(self._requests.keep_taking())
        self._signing = loop.create_task(self._keep_signing())

    def drain(self) -> None:
        """Take no more of them: other edges do."""
        self._requests.stopped = True

    def _take(self, raw: bytes) -> None:
        """Take one request in hand, unless it is none, or is in hand already."""
        try:
            opened = self._opening.request(raw)
        except ForgedMessage as forged:
            self._mesh.recorder.refused("inner request", forged.detail)
            return
        asked = Asked(opened)
        before = self._in_hand.find(asked.name)
        if before is not None and _same(before.opened, opened):
            before.opened = opened  # the answer goes to who asked last
            self._replies.sign((before,))
            return
        if before is not None:
            self._let_go(before)
        try:
            self._in_hand.take(asked)
        except PrincipalBusy as busy:
            self._replies.failure(opened, busy)
            return
        asked.task = asyncio.get_running_loop().create_task(self._answer(asked))

    async def _answer(self, asked: Asked) -> None:
        try:
            await self._answering.answer(asked)
        finally:
            self._in_hand.release(asked)

    def _let_go(self, asked: Asked) -> None:
        """Its parent is run again, and asks for something else under this number: nobody waits for this any more."""
        if asked.task is not None:
            asked.task.cancel()
        self._in_hand.release(asked)

    def on_cancel(self, data: bytes) -> None:
        """A parent is over, its calls are not wanted any more."""
        try:
            cancel = self._opening.cancel(data)
        except ForgedMessage as forged:
            self._mesh.recorder.refused("inner cancel", forged.detail)
            return
        for ordinal in cancel.ordinals:
            asked = self._in_hand.find((cancel.parent, ordinal))
            if asked is not None and not asked.cancelled:
                asked.cancelled = True
                if asked.running is not None:
                    asked.stopping = asyncio.get_running_loop().create_task(self._stop(asked, asked.running))

    async def _stop(self, asked: Asked, running: Running) -> None:
        await self._calls.stop(running)
        if asked.task is not None:
            asked.task.cancel()

    async def _keep_signing(self) -> None:
        while True:
            await asyncio.sleep(self._mesh.settings.inner_sign_s)
            self._replies.sign(asked for asked in self._in_hand if not asked.cancelled)

    async def close(self) -> None:
        """Take no more, and leave what is in hand to other edges: as requests that are sent again, so that they find the
        calls that were made of them."""
        self.drain()
        if self._taking is not None:
            await self._taking  # what it takes from the list now would be lost
        if self._signing is not None:
            self._signing.cancel()
        left = [asked for asked in self._in_hand if not asked.cancelled]
        tasks = [task for asked in self._in_hand for task in (asked.task, asked.stopping) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if left and self._mesh.line.connected:  # else their workers send them again
            with suppress(BrokerUnavailable, ResponseError):
                await self._hand_over(left)

    async def _hand_over(self, left: Iterable[Asked]) -> None:
        line, now_ms = self._mesh.line, self._mesh.clock.now_ms()
        pushed = []
        for asked in left:
            request = msgspec.structs.replace(asked.opened.request, again=True, at_ms=now_ms)
            pushed.append(line.cmd("RPUSH", keys.INNER, seal(self._mesh.ring, asked.opened.group, request)))
        pushed.append(line.cmd("PEXPIRE", keys.INNER, int(self._mesh.settings.inner_age_s_max * 1000)))
        await asyncio.gather(*pushed)
        log.info("requests of running calls left to other edges", requests=len(pushed) - 1)


def _same(one: Opened, other: Opened) -> bool:
    """Whether two requests of one name ask for the same."""
    a, b = one.request, other.request
    return (a.asks, a.tool, a.arguments) == (b.asks, b.tool, b.arguments)
