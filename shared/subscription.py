"""A subscription to channels that notices when it broke, and says that something may have been missed."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from shared.line import CONNECTION_LOST

log = structlog.get_logger()

_PING_S = 0.5
_RETRY_S = 0.2


class Subscription:
    """Listens on channels over a connection of its own, and connects again when it breaks.

    `on_message(channel, data)` is called for each message, in order. `on_subscribed()` is awaited each time the broker has
    confirmed the subscription: whatever was published before that moment may have been missed and is to be looked up.
    """

    def __init__(
        self,
        url: str,
        channels: list[str],
        on_message: Callable[[str, bytes], None],
        on_subscribed: Callable[[], Awaitable[None]],
        *,
        timeout_s: float,
    ) -> None:
        self._url = url
        self._channels = channels
        self._on_message = on_message
        self._on_subscribed = on_subscribed
        self._timeout_s = timeout_s
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        """Said beside the cancellation, which a task group that fails in the same moment lets go of."""
        self._heard_at = 0.0
        self._confirmed = 0
        self.live = False
        """Whether the subscription stands."""

    async def open(self) -> None:
        """Start listening; gives back when the first subscription is confirmed and `on_subscribed` is done."""
        loop = asyncio.get_running_loop()
        first: asyncio.Future[None] = loop.create_future()
        self._closing = False
        self._task = loop.create_task(self._run(first), name="subscription")
        await first

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._closing = True
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, first: asyncio.Future[None]) -> None:
        while not self._closing:
            try:
                async with (
                    Redis.from_url(self._url, socket_connect_timeout=self._timeout_s) as redis,
                    redis.pubsub() as channel,
                ):
                    await channel.subscribe(*self._channels)
                    self._heard_at = asyncio.get_running_loop().time()
                    self._confirmed = 0
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._listen(channel, first, tasks))
                        tasks.create_task(self._watch(channel))
            except* CONNECTION_LOST as group:
                log.warning("subscription lost", reason=type(group.exceptions[0]).__name__)
            except* Exception:
                # Whatever it is: a subscription that ends for good would be a silence for ever.
                log.exception("subscription failed")
            finally:
                self.live = False
            await asyncio.sleep(_RETRY_S)

    async def _listen(self, channel: PubSub, first: asyncio.Future[None], tasks: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        async for message in channel.listen():
            self._heard_at = loop.time()
            if message["type"] == "message":
                try:
                    self._on_message(message["channel"].decode(), message["data"])
                except Exception:
                    log.exception("a message of a channel was not handled")  # the next ones are
            elif message["type"] == "subscribe":
                self._confirmed += 1
                if self._confirmed == len(self._channels):
                    self.live = True
                    tasks.create_task(self._announce(first))

    async def _announce(self, first: asyncio.Future[None]) -> None:
        await self._on_subscribed()
        if not first.done():
            first.set_result(None)

    async def _watch(self, channel: PubSub) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_PING_S)
            if loop.time() - self._heard_at > self._timeout_s:
                raise TimeoutError
            await channel.ping()
