"""Records that edges keep in Redis for one another, read back: believed only if they are signed with the edges' own key."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from redis.exceptions import ResponseError

from shared.codec import unseal
from shared.errors import ForgedMessage
from shared.mesh_keys import KeyRing
from shared.messages import Message

R = TypeVar("R", bound=Message)


class Records:
    """Reads them; what is no record of ours is refused, counted and recorded."""

    def __init__(self, ring: KeyRing, *, refused: Callable[[str, str], None], kind: str = "session") -> None:
        """`kind`: what they are, where a forged one is recorded."""
        self._ring = ring
        self._kind = kind
        self.refused = refused

    async def read(self, asked: asyncio.Future[Any], expected: type[R]) -> R | None:
        """The record that a command gave, or None for none. Raises BrokerUnavailable."""
        try:
            raw: bytes | None = await asked
        except ResponseError:
            self.refused(self._kind, f"what lies under a {self._kind}'s key is no record")
            return None
        return self.checked(raw, expected) if raw is not None else None

    def checked(self, raw: bytes, expected: type[R]) -> R | None:
        """The record that these bytes are, or None."""
        try:
            return unseal(self._ring, "edge", raw, expected)
        except ForgedMessage as forged:
            self.refused(self._kind, forged.detail)
            return None
