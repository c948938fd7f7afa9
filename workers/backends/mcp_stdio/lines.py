"""Lines out of a pipe, read ahead a little and never past a limit (MCP 2025-11-25, basic/transports, "stdio")."""

import asyncio
from typing import cast

from shared.errors import UpstreamTooLarge

_AHEAD_BYTES = 256 * 1024
"""A pipe with this much unread is not read any further: who writes has to wait."""


class LineReader(asyncio.Protocol):
    """The lines of one pipe.

    `cut`: a line over the limit is given up to it, and then b"" for each further piece of it; without, it raises.
    """

    def __init__(self, bytes_max: int, *, cut: bool = False) -> None:
        self._bytes_max = bytes_max
        self._cut = cut
        self._buffer = bytearray()
        self._looked = 0
        """So much of the buffer holds no line end."""
        self._within = False
        """The rest of a line that was cut is still to come."""
        self._arrived = asyncio.Event()
        self._ended = False
        self._wanted = False
        self._paused = False
        self._transport: asyncio.ReadTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The pipe is connected."""
        self._transport = cast(asyncio.ReadTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Something was written."""
        self._buffer += data
        self._arrived.set()
        if not self._wanted and not self._paused and len(self._buffer) > _AHEAD_BYTES and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wanted = False

    def connection_lost(self, exc: Exception | None) -> None:
        """The other end is closed."""
        self._ended = True
        self._arrived.set()

    def close(self) -> None:
        """Read no more."""
        if self._transport is not None:
            self._transport.close()

    async def line(self) -> bytes | None:
        """The next line without its end; None when there is none any more. Raises UpstreamTooLarge."""
        while True:
            end = self._buffer.find(b"\n", self._looked)
            if end >= 0:
                return self._take(end, end + 1)
            self._looked = len(self._buffer)
            if self._looked > self._bytes_max:
                if not self._cut:
                    raise UpstreamTooLarge(f"The upstream wrote a line of more than {self._bytes_max} bytes.")
                piece = self._take(self._looked, self._looked)
                self._within = True
                return piece
            if self._ended:
                return self._take(self._looked, self._looked) if self._buffer else None
            await self._more()

    async def _more(self) -> None:
        self._arrived.clear()
        self._wanted = True
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        await self._arrived.wait()

    def _take(self, end: int, rest: int) -> bytes:
        if end > self._bytes_max and not self._cut:
            raise UpstreamTooLarge(f"The upstream wrote a line of more than {self._bytes_max} bytes.")
        line = b"" if self._within else bytes(self._buffer[: min(end, self._bytes_max)])
        self._within = False
        del self._buffer[:rest]
        self._looked = 0
        return line
