"""Hosts that an operator lists as ones that may be reached although they are not public.

`host`, `host:port`, an address with or without a port (`10.0.0.7`, `[fd00::7]:8080`), or a network (`10.0.0.0/8`).
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.addresses import Address, is_public, unwrapped

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_PORT = re.compile(r":[0-9]{1,5}")
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class PrivateHosts:
    """What is listed. A port of None stands for all."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[_Network, int | None], ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "PrivateHosts":
        """Raises ValueError with what is wrong with the first text that is none of the forms."""
        names: set[tuple[str, int | None]] = set()
        networks: list[tuple[_Network, int | None]] = []
        for text in texts:
            if "/" in text:
                networks.append((_network(text), None))
                continue
            host, port = _split(text)
            try:
                networks.append((ipaddress.ip_network(host), port))
            except ValueError:
                if not _NAME.fullmatch(host) or host.replace(".", "").isdigit():
                    raise ValueError(
                        f"`{text[:80]}` is neither a host, nor host:port, nor an address, nor a network"
                    ) from None
                names.add((host, port))
        return cls(frozenset(names), tuple(networks))

    def has_name(self, host: str, port: int) -> bool:
        """Whether the name of a host is listed; its case and a dot at its end say nothing."""
        host = canonical(host)
        return (host, port) in self.names or (host, None) in self.names

    def has_address(self, address: Address, port: int) -> bool:
        """Whether an address is listed, or the IPv4 one that it stands for.

        A listed translator's prefix (NAT64) lets through what stands for a public address, and nothing else.
        """
        if not self.networks:
            return False
        inner = unwrapped(address)
        for network, of in self.networks:
            if of is not None and of != port:
                continue
            if inner in network or (address in network and (inner == address or is_public(inner))):
                return True
        return False


def canonical(host: str) -> str:
    """A host as it is compared: lower case, without a dot at its end."""
    return host.lower().rstrip(".")


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        try:
            wider = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"`{text[:80]}` is no network; write for instance `10.0.0.0/8`") from None
        raise ValueError(f"`{text[:80]}` is an address in a network; write `{wider}` for the network") from None


def _split(text: str) -> tuple[str, int | None]:
    """Host and port. What is wrong with the host is found later."""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError(f"`{text[:80]}` is not an address in brackets")
    elif text.count(":") == 1:
        host, colon, port = text.partition(":")
        port = colon + port
    else:
        host, port = text, ""
    if not port:
        return canonical(host), None
    if not _PORT.fullmatch(port) or not 0 < int(port[1:]) < 65536:
        raise ValueError(f"`{text[:80]}` names no port")
    return canonical(host), int(port[1:])
