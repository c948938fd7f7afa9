"""From which address a request comes: the peer's, or, behind proxies that the operator trusts, the one that they say.

Used to count what one address does, and for nothing else: it never reaches a worker, the audit or a log.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_UNKNOWN = "unknown"
_WITH_PORT = re.compile(r"\[([^]]*)](?::[0-9]{1,5})?|([^:]*):[0-9]{1,5}")
"""An address as some proxies write it: in brackets, or with the port behind it."""


class ClientAddresses:
    """Knows the trusted proxies."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        """Raises ValueError for what is no address or network."""
        self._trusted = tuple(ipaddress.ip_network(each, strict=False) for each in trusted_proxies)

    def of(self, scope: Any) -> str:
        """The client of an ASGI scope: the last address of X-Forwarded-For that is not a trusted proxy's own.

        Of IPv6 the network of 64 bits, which is what one customer has.
        """
        peer = scope.get("client")
        found = _parsed(peer[0]) if peer else None
        if found is not None and self._is_trusted(found):
            for forwarded in reversed(_forwarded(scope["headers"])):
                if forwarded is None:
                    break
                found = forwarded
                if not self._is_trusted(found):
                    break
        return _counted(found)

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> list[_Address | None]:
    values = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [_parsed(part.strip()) for part in ",".join(values).split(",") if part.strip()]


def _parsed(text: str) -> _Address | None:
    with_port = _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address(with_port[1] or with_port[2] if with_port else text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def _counted(address: _Address | None) -> str:
    if address is None:
        return _UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
