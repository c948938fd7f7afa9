"""All channels that a worker listens on, over one subscription."""

import asyncio
from typing import Protocol

from shared.settings import Settings
from shared.subscription import Subscription


class Ear(Protocol):
    """Who hears some channels."""

    @property
    def channels(self) -> list[str]:
        """The channels to listen on."""
        ...

    async def on_subscribed(self) -> None:
        """Look up what may have been missed."""
        ...

    def on_message(self, channel: str, data: bytes) -> None:
        """Act on a message of one of these channels."""
        ...


class Listening:
    """Passes each message on to whose channel it came over."""

    def __init__(self, settings: Settings, *ears: Ear) -> None:
        self._ears = ears
        self._by_channel = {channel: ear for ear in ears for channel in ear.channels}
        self._subscription = Subscription(
            settings.redis_url.reveal(),
            list(self._by_channel),
            self._pass_on,
            self._on_subscribed,
            timeout_s=settings.redis_timeout_s,
        )

    @property
    def live(self) -> bool:
        """Whether the subscription stands."""
        return self._subscription.live

    async def open(self) -> None:
        """Start listening; gives back when the subscription is confirmed and what was missed is looked up."""
        await self._subscription.open()

    async def close(self) -> None:
        """Stop listening."""
        await self._subscription.close()

    def _pass_on(self, channel: str, data: bytes) -> None:
        self._by_channel[channel].on_message(channel, data)

    async def _on_subscribed(self) -> None:
        await asyncio.gather(*(ear.on_subscribed() for ear in self._ears))
