"""The stdin of a server, written with an eye on how much of it is still unread.

Written directly, not through a transport of the event loop: only so is it certain, for a server that has died, that nothing
of a message was written.
"""

import asyncio
import os
from collections.abc import Callable

_UNWRITTEN_BYTES_MAX = 256 * 1024
"""Beside what the pipe itself holds; what is to be written then, has to wait."""


class Outlet:
    """One pipe to write to."""

    def __init__(self, fd: int) -> None:
        """Takes over the file descriptor. Needs the event loop."""
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._unwritten = bytearray()
        self._ending = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed = False
        self.on_closed: Callable[[], None] | None = None
        """Called when the server closed its stdin, or we did."""

    @property
    def full(self) -> bool:
        """Whether what is written now would have to wait."""
        return not self._writable.is_set()

    async def writable(self) -> None:
        """Wait until something can be written, or nothing any more."""
        while self.full:
            await self._writable.wait()

    def write(self, body: bytes) -> bool:
        """Write one message as a line; False where not a byte of it reached the server, and none will."""
        if self.closed or self._ending:
            return False
        if b"\n" in body or b"\r" in body:
            # Only white space between values can hold a line end: JSON escapes it in strings.
            body = body.replace(b"\r", b" ").replace(b"\n", b" ")
        line = body + b"\n"
        written = 0
        if not self._unwritten:
            try:
                written = os.write(self._fd, line)
            except BlockingIOError:
                written = 0
            except OSError:
                self.abort()
                return False
        if written < len(line):
            if not self._unwritten:
                self._loop.add_writer(self._fd, self._write_on)
            self._unwritten += line[written:]
            if len(self._unwritten) > _UNWRITTEN_BYTES_MAX:
                self._writable.clear()
        return True

    def close(self) -> None:
        """Tell the server that nothing more comes, once it has read what came before."""
        self._ending = True
        if not self._unwritten:
            self.abort()

    def abort(self) -> None:
        """Close it now, and drop what was not read."""
        if self.closed:
            return
        self.closed = True
        if self._unwritten:
            self._loop.remove_writer(self._fd)
            self._unwritten.clear()
        os.close(self._fd)
        self._writable.set()
        if self.on_closed is not None:
            self.on_closed()

    def _write_on(self) -> None:
        try:
            del self._unwritten[: os.write(self._fd, self._unwritten)]
        except BlockingIOError:
            return
        except OSError:
            self.abort()
            return
        if not self._unwritten:
            self._loop.remove_writer(self._fd)
            if self._ending:
                self.abort()
        if len(self._unwritten) <= _UNWRITTEN_BYTES_MAX:
            self._writable.set()
