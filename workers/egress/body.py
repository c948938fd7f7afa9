"""The body of an answer, read in pieces and never past a limit: its size as it came and decompressed, and the time
between pieces.

A body that is over a limit, broken off or cut is an error; nothing that came of it is taken for the whole.
"""

import asyncio
from collections.abc import Iterator

import aiohttp

from shared.errors import UpstreamBadResponse, UpstreamTimeout, UpstreamTooLarge
from shared.settings import Settings
from workers.egress.decoding import BadCompression, Decoder, decoder_of

_HARMLESS_BYTES = 1024 * 1024
"""As much may come of anything, however small it was."""


class BrokenBody(UpstreamBadResponse):
    """The connection broke, or the body was cut, in mid-answer."""


class Body:
    """One body. All methods raise UpstreamTooLarge, UpstreamTimeout, BrokenBody and UpstreamBadResponse."""

    def __init__(
        self, response: aiohttp.ClientResponse, settings: Settings, *, bytes_max: int | None, idle_s: float | None
    ) -> None:
        """`bytes_max`: None where the reader counts. `idle_s`: between two pieces; None where silence means nothing."""
        self._content = response.content
        self._bytes_max = bytes_max
        self._idle_s = idle_s
        self._ratio_max = settings.upstream_ratio_max
        self._came = 0
        self._given = 0
        self._pieces: Iterator[bytes] = iter(())
        announced = response.content_length
        if bytes_max is not None and announced is not None and announced > bytes_max:
            raise UpstreamTooLarge(f"The upstream's answer has {announced} bytes, more than {bytes_max}.")
        try:
            self._decoder: Decoder | None = decoder_of(response.headers.get("Content-Encoding", ""))
        except BadCompression as cause:
            raise UpstreamBadResponse("The upstream's answer is compressed in a way that was not asked for.") from cause

    async def read(self) -> bytes:
        """All of it."""
        pieces: list[bytes] = []
        while piece := await self.next():
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def next(self) -> bytes:
        """The next piece, decompressed; empty at the end."""
        if self._decoder is None:
            piece = await self._receive()
            self._given += len(piece)
            self._check(self._given)
            return piece
        return await self._next_decompressed(self._decoder)

    async def _next_decompressed(self, decoder: Decoder) -> bytes:
        try:
            while True:
                for piece in self._pieces:
                    await self._count(len(piece))
                    return piece
                came = await self._receive()
                if not came:
                    break
                self._came += len(came)
                self._check(self._came)
                self._pieces = decoder.feed(came)
        except BadCompression as cause:
            raise UpstreamBadResponse("The upstream's answer is not compressed as it says.") from cause
        if not decoder.complete:
            raise BrokenBody("The upstream's compressed answer is cut.")
        return b""

    async def _count(self, size: int) -> None:
        before, self._given = self._given, self._given + size
        self._check(self._given)
        if self._given > _HARMLESS_BYTES and self._given > self._came * self._ratio_max:
            raise UpstreamTooLarge(f"The upstream's answer is more than {self._ratio_max} times as large as it was sent.")
        if before // _HARMLESS_BYTES != self._given // _HARMLESS_BYTES:
            await asyncio.sleep(0)  # who is sent much in little does not hold up the others

    def _check(self, size: int) -> None:
        if self._bytes_max is not None and size > self._bytes_max:
            raise UpstreamTooLarge(f"The upstream's answer has more than {self._bytes_max} bytes.")

    async def _receive(self) -> bytes:
        """What comes next, as it comes; empty at the end."""
        try:
            if self._idle_s is None:
                return await self._content.readany()
            if piece := self._content.read_nowait():
                return piece
            if self._content.at_eof():
                return b""
            async with asyncio.timeout(self._idle_s):
                return await self._content.readany()
        except TimeoutError as cause:
            raise UpstreamTimeout(f"The upstream fell silent for {self._idle_s:g} s in mid-answer.") from cause
        except (aiohttp.ClientError, OSError) as cause:
            raise BrokenBody("The upstream broke off in the middle of its answer.") from cause
