"""Requests to URLs that strangers wrote, above all for documents: https, public addresses, no redirect, little time.

The name is resolved once, every address that it has must be public, and the connection goes to the address that was looked
at: a name that points elsewhere a moment later (DNS rebinding) gains nothing. TLS still verifies the name. Only hosts that
the operator wrote may be of the own network, or on this very machine without TLS.
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpcore2

from shared.addresses import Address, is_loopback, is_public
from shared.settings import Settings

T = TypeVar("T")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""`(host, port)`: the addresses of a name."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})(?:$|[\s,])")
_AGENT = f"toolmesh/{version('toolmesh')}"
_ADDRESSES_MAX = 4
"""Addresses of one name that are tried, one after the other: a machine may have no way to some of them (IPv6)."""


class NotFetched(Exception):
    """There is no document; the text is for the operator's log.

    `temporary`: whether it may be there all the same, because the host said nothing, or that it can't answer now.
    """

    def __init__(self, why: str, *, temporary: bool = False) -> None:
        super().__init__(why)
        self.temporary = temporary


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came."""

    body: bytes
    media_type: str
    max_age_s: int | None
    """Of Cache-Control; 0 for an answer that is not to be kept, None where nothing is said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, whatever it is."""

    status: int
    headers: dict[str, str]
    """By their names in lower case; of several of one name the last."""
    body: bytes


class _Guard(httpcore2.AsyncNetworkBackend):
    """Connects for one fetch."""

    def __init__(self, resolve: Resolve, private: frozenset[str], connect_s: float, *, plain: bool) -> None:
        """`plain`: without TLS, so to this machine alone."""
        self._resolve = resolve
        self._private = private
        self._connect_s = connect_s
        self._plain = plain
        self._network = httpcore2.AnyIOBackend()
        self._opened: list[httpcore2.AsyncNetworkStream] = []

    async def aclose(self) -> None:
        """The pool forgets a connection whose handshake was given up; nothing that a silent host holds is left over."""
        for stream in self._opened:
            await stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            found = [ipaddress.ip_address(each.partition("%")[0]) for each in await self._resolve(host, port)]
        except OSError as cause:
            raise NotFetched(f"the name {host} can't be resolved", temporary=True) from cause
        allowed = host in self._private or f"{host}:{port}" in self._private
        if not found or not (allowed or all(is_public(address) for address in found)):
            raise NotFetched(f"{host} has an address that is not public", temporary=True)
        if self._plain and not all(address.is_loopback for address in found):
            raise NotFetched(f"{host} is not this machine, and the URL is not https")
        tried = list(dict.fromkeys(found))[:_ADDRESSES_MAX]
        for address in tried[:-1]:
            try:
                return await self._connect(address, port, self._connect_s / len(tried), local_address, socket_options)
            except (httpcore2.NetworkError, httpcore2.TimeoutException):
                continue
        return await self._connect(tried[-1], port, timeout, local_address, socket_options)

    async def _connect(
        self,
        address: Address,
        port: int,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore2.AsyncNetworkStream:
        stream = await self._network.connect_tcp(
            str(address), port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )
        self._opened.append(stream)
        return stream

    async def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.AsyncNetworkStream:
        raise NotFetched("no sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedHttp:
    """Fetches."""

    def __init__(self, settings: Settings, resolve: Resolve | None = None, *, timeout_s: float | None = None) -> None:
        """`timeout_s`: for one document; None: what is given to one of a client."""
        self._resolve = resolve or _resolve
        self._private = frozenset(host.lower() for host in settings.client_document_private_hosts)
        self._timeout_s = timeout_s or settings.client_document_s
        self._trust: ssl.SSLContext | None = None

    async def get_json(self, url: str, *, bytes_max: int, own: frozenset[str] = frozenset()) -> Fetched:
        """The JSON document at an https URL. Raises NotFetched.

        `own`: hosts that the operator wrote; they may have private addresses, and on loopback be asked without TLS.
        """
        return await self._within(url, own, lambda guard: self._get(url, bytes_max, guard))

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        *,
        bytes_max: int,
        own: frozenset[str] = frozenset(),
    ) -> Answer:
        """Send one request, and give its answer whatever that is. `own`: as of `get_json`. Raises NotFetched."""

        async def fetch(guard: _Guard) -> Answer:
            async with self._opened(method, url, headers, content, guard) as (response, said):
                return Answer(response.status, said, await _body(response, said, bytes_max))

        return await self._within(url, own, fetch)

    async def _within(self, url: str, own: frozenset[str], fetch: Callable[["_Guard"], Awaitable[T]]) -> T:
        parts = urlsplit(url)
        plain = parts.scheme == "http" and parts.hostname in own and is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not plain:
            raise NotFetched("the URL is not https")
        guard = _Guard(self._resolve, self._private | own, self._timeout_s, plain=plain)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await fetch(guard)
        except TimeoutError as cause:
            raise NotFetched(f"no document within {self._timeout_s:g} s", temporary=True) from cause
        except (
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
            httpcore2.TimeoutException,
            OSError,
            ssl.SSLError,
        ) as cause:
            raise NotFetched(f"the connection failed ({type(cause).__name__})", temporary=True) from cause
        except UnicodeError as cause:
            raise NotFetched("the URL can't be used") from cause

    async def _get(self, url: str, bytes_max: int, guard: _Guard) -> Fetched:
        async with self._opened("GET", url, {"Accept": "application/json"}, b"", guard) as (response, said):
            if response.status != 200:
                temporary = response.status >= 500 or response.status == 429
                raise NotFetched(f"the answer has status {response.status}", temporary=temporary)
            body = await _body(response, said, bytes_max)
            media_type = said.get("content-type", "").partition(";")[0].strip().lower()
            if media_type != "application/json" and not media_type.endswith("+json"):
                raise NotFetched("the document is not of type application/json")
            return Fetched(body, media_type, _max_age(said.get("cache-control", "")))

    @contextlib.asynccontextmanager
    async def _opened(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, guard: _Guard
    ) -> AsyncIterator[tuple[httpcore2.Response, dict[str, str]]]:
        """An answer of which only the head was read, and its headers, by their names in lower case."""
        sent = {**headers, "Accept-Encoding": "identity", "User-Agent": _AGENT}
        if self._trust is None:
            # Who is trusted is the machine's matter, or that of SSL_CERT_FILE. To read it all takes tens of milliseconds.
            self._trust = ssl.create_default_context()
        # A pool for this one fetch: no connection is left over for the next stranger.
        async with (
            contextlib.aclosing(guard),
            httpcore2.AsyncConnectionPool(ssl_context=self._trust, network_backend=guard, retries=0) as pool,
            pool.stream(method, url, headers=list(sent.items()), content=content or None) as response,
        ):
            said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            yield response, said


async def _body(response: httpcore2.Response, said: Mapping[str, str], bytes_max: int) -> bytes:
    if said.get("content-encoding", "identity").strip().lower() != "identity":
        raise NotFetched("the answer is compressed")
    body = b""
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > bytes_max:
            raise NotFetched(f"the document has more than {bytes_max} bytes")
    return body


def _max_age(cache_control: str) -> int | None:
    said = cache_control.lower()
    if "no-store" in said or "no-cache" in said:
        return 0
    found = _MAX_AGE.search(said)
    return int(found[1]) if found else None


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]
