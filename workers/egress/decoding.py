"""Compressed answers (RFC 9110 section 8.4), decompressed piece by piece, so that none becomes large before it is looked
at.

gzip and deflate are what the standard library decompresses within a bound; nothing else is asked for, and nothing else is
taken.
"""

import zlib
from collections.abc import Iterator

_PIECE_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16
_ZLIB_METHOD = 8


class BadCompression(Exception):
    """It is not what its Content-Encoding says, or a way that was not asked for."""


class Decoder:
    """Decompresses one body."""

    def __init__(self, coding: str) -> None:
        """`coding`: gzip or deflate."""
        self._gzip = coding == "gzip"
        self._inflate = zlib.decompressobj(_GZIP) if self._gzip else None
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What comes of the next piece, in pieces of at most 64 KiB. Raises BadCompression."""
        try:
            while data:
                inflate = self._next(data)
                self._begun = True
                piece = inflate.decompress(data, _PIECE_BYTES)
                data = inflate.unconsumed_tail or inflate.unused_data
                if piece:
                    yield piece
                elif data and not inflate.eof:
                    raise BadCompression("it makes no progress")
            # What was read to its end may still give something.
            while (
                self._inflate is not None
                and not self._inflate.eof
                and (rest := self._inflate.decompress(b"", _PIECE_BYTES))
            ):
                yield rest
        except zlib.error as cause:
            raise BadCompression("it is damaged") from cause

    @property
    def complete(self) -> bool:
        """Whether the body may end here."""
        return not self._begun or (self._inflate is not None and self._inflate.eof)

    def _next(self, data: bytes) -> "zlib._Decompress":
        """What decompresses the data. Several gzip members may follow one another (RFC 1952 section 2.2)."""
        if self._inflate is None:
            # Some servers send the bare stream in place of the zlib format (RFC 9110 section 8.4.1.2).
            wrapped = data[0] & 0x0F == _ZLIB_METHOD
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        elif self._inflate.eof:
            if not self._gzip:
                raise BadCompression("something follows its end")
            self._inflate = zlib.decompressobj(_GZIP)
        return self._inflate


def decoder_of(content_encoding: str) -> Decoder | None:
    """What decompresses a body; None for one that is as it is. Raises BadCompression."""
    coding = content_encoding.strip().lower().removeprefix("x-")
    if coding in ("", "identity"):
        return None
    if coding not in ("gzip", "deflate"):
        raise BadCompression("it was not asked for")
    return Decoder(coding)
