"""Names to addresses: blocking look-ups in threads of their own, few at a time, one for each name, never waited for too
long.

Not the loop's own `getaddrinfo`: its threads serve everything else as well, and are waited for at the end of the process,
also where a name server does not answer for half a minute.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from functools import partial

from shared.addresses import Address
from shared.settings import Settings

Lookup = Callable[[str, int], Sequence[str]]
"""`(host, port)`: the addresses of a name, as text; blocks. Raises OSError."""


class NoAddress(OSError):
    """The name has no address, or none was found in time. The text is for the log."""


def addresses_of(host: str, port: int) -> Sequence[str]:
    """What the system says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [_text(sockaddr) for *_, sockaddr in found]


def _text(sockaddr: tuple[object, ...]) -> str:
    # Link-local addresses are nothing without their interface.
    scope = sockaddr[3] if len(sockaddr) > 3 else 0
    return f"{sockaddr[0]}%{scope}" if scope else str(sockaddr[0])


class Lookups:
    """The look-ups of one backend."""

    def __init__(self, settings: Settings, lookup: Lookup = addresses_of) -> None:
        self._timeout_s = settings.upstream_dns_s
        self._lookup = lookup
        self._free = asyncio.Semaphore(settings.upstream_dns_threads)
        self._running: dict[tuple[str, int], asyncio.Future[list[Address] | Exception]] = {}

    async def find(self, host: str, port: int) -> list[Address]:
        """All addresses of a name, at least one. Raises NoAddress."""
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await asyncio.shield(await self._begun(host, port))
        except TimeoutError:
            raise NoAddress(f"no address of {host} was found in {self._timeout_s:g} s") from None
        if isinstance(found, Exception):
            raise NoAddress(f"no address of {host} was found") from found
        if not found:
            raise NoAddress(f"{host} has no address")
        return found

    async def _begun(self, host: str, port: int) -> asyncio.Future[list[Address] | Exception]:
        """The look-up of that name, begun if there is none."""
        key = (host, port)
        if key not in self._running:
            await self._free.acquire()
            if key in self._running:  # somebody else began it meanwhile
                self._free.release()
            else:
                self._start(key)
        return self._running[key]

    def _start(self, key: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        self._running[key] = loop.create_future()
        # A daemon: a name server that does not answer holds up the end of no process.
        thread = threading.Thread(target=partial(self._run, key, loop), name="lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError as cause:
            self._land(key, cause)
            raise NoAddress("no thread can be started for a look-up") from cause

    def _run(self, key: tuple[str, int], loop: asyncio.AbstractEventLoop) -> None:
        """In the thread."""
        found: list[Address] | Exception
        try:
            found = [ipaddress.ip_address(text) for text in dict.fromkeys(self._lookup(*key))]
        except Exception as cause:
            found = cause
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._land, key, found)

    def _land(self, key: tuple[str, int], found: list[Address] | Exception) -> None:
        self._free.release()
        running = self._running.pop(key)
        if not running.done():
            running.set_result(found)
