"""Connections to what may be reached, and to nothing else.

The resolver (`aiohttp.abc.AbstractResolver`) looks at every address of a name and gives what it looked at, so that
nothing is resolved a second time and a name that points elsewhere a moment later gains nothing. An address in a URL never
comes to a resolver: it is looked at where sockets are made, which all connections pass. A connection that is kept open is
one of these.
"""

import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.addresses import Address
from workers.egress.lookups import Lookups
from workers.egress.policy import Policy

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[str | int, ...]]
"""What aiohttp wants a socket for: family, type, protocol, canonical name, address."""

_ADDRESSES_MAX = 8
"""Addresses of one name that are tried."""
_LISTED_MAX = 1024
"""Addresses that are remembered as ones of listed names."""


class Denied(OSError):
    """What was to be connected to may not be. The text is for the log."""


class Wall(AbstractResolver):
    """What lets through, for one pool of connections."""

    def __init__(self, policy: Policy, lookups: Lookups) -> None:
        self._policy = policy
        self._lookups = lookups
        self._by_name: dict[tuple[Address, int], None] = {}
        """Addresses that may be connected to because of the name that they were found by."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name, every one of which may be connected to. Raises NoAddress, Denied."""
        found = await self._lookups.find(host, port)
        for address in found:
            if not self._policy.allows(host, port, address):
                raise Denied(f"{host} has the address {address}, which is not public")
        for address in found:
            if not self._policy.allows_address(address, port):
                self._note(address, port)
        return [_result(host, address, port) for address in found[:_ADDRESSES_MAX]]

    def check_literal(self, host: str, port: int) -> None:
        """Look at a host that is an address itself. Raises Denied."""
        if ":" not in host and not host[-1:].isdigit():
            return
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return  # a name, or a spelling that aiohttp does not take or resolves
        if not self._policy.allows(host, port, address):
            raise Denied(f"{address} is not public")

    def socket(self, info: AddressInfo) -> socket.socket:
        """The socket for a connection. Raises Denied."""
        family, kind, protocol, _, (host, port, *_) = info
        try:
            address = ipaddress.ip_address(str(host))
        except ValueError:
            raise Denied(f"{host} is no address; it would be resolved once more") from None
        if not self._policy.allows_address(address, int(port)) and (address, port) not in self._by_name:
            raise Denied(f"{address} is not public")
        return socket.socket(family, kind, protocol)

    def _note(self, address: Address, port: int) -> None:
        self._by_name.pop((address, port), None)
        self._by_name[address, port] = None
        if len(self._by_name) > _LISTED_MAX:
            del self._by_name[next(iter(self._by_name))]

    async def close(self) -> None:
        """Nothing is held."""


def _result(host: str, address: Address, port: int) -> ResolveResult:
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=str(address), port=port, family=family, proto=0, flags=flags)


def open_connector(wall: Wall, keepalive_s: float) -> aiohttp.TCPConnector:
    """A pool of connections behind a wall."""
    return aiohttp.TCPConnector(
        limit=0,
        resolver=wall,
        use_dns_cache=False,
        socket_factory=wall.socket,
        keepalive_timeout=keepalive_s,
    )
