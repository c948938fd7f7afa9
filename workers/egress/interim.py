"""Interim answers (1xx, RFC 9110 section 15.2): a few of them, not a flood.

aiohttp reads past them without giving any other task a turn, as long as there is a further one: 660,000 of them held the
event loop for two seconds. `aiohttp.ClientSession` takes the class of its responses as an argument, which is where they
are counted.
"""

from typing import Any

import aiohttp
from aiohttp.connector import Connection


class TooManyInterim(aiohttp.ClientPayloadError):
    """The upstream does not come to its answer."""


class BoundedResponse(aiohttp.ClientResponse):
    """An answer before which only so many others may come."""

    interim_max = 0

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the head. Raises TooManyInterim beside what aiohttp raises."""
        protocol: Any = connection.protocol
        read = protocol.read
        left = self.interim_max + 1

        async def counted() -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise TooManyInterim
            return await read()

        protocol.read = counted
        try:
            return await super().start(connection)
        finally:
            del protocol.read


def bounded_response(interim_max: int) -> type[BoundedResponse]:
    """The class of a session's responses."""
    return type("BoundedResponse", (BoundedResponse,), {"interim_max": interim_max})
