"""What an address or a host means: this machine itself, or the public internet.

`ipaddress.is_global` is no filter for what a stranger may have us connect to: it takes addresses that stand for an IPv4 one
behind a translator (NAT64, 6to4), multicast, and addresses that clouds answer themselves.
"""

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out to the public internet (RFC 4291 section 2.4, IANA)."""
_SPECIAL_6: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # for protocols: Teredo, ORCHID, benchmarking, AMT, anycast (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4: an IPv4 address (RFC 3056)
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_SPECIAL_4: Final = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared by a provider's customers (RFC 6598); metadata of a cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # looks public, and is the host of a virtual machine in Azure
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # for protocols (RFC 6890); metadata of a cloud
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking (RFC 2544)
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_LOW_32: Final = 0xFFFF_FFFF
_BEHIND_96: Final = tuple(ipaddress.IPv6Network(n) for n in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
"""Prefixes with an IPv4 address in the last 32 bits: mapped, NAT64 (RFC 6052, RFC 8215), and the compatible ones of old."""


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from the same machine (RFC 6761 section 6.3)."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: Address) -> bool:
    """Whether an address is of a host on the public internet. No address that stands for another one is."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    return address in _PUBLIC_6 and not any(address in network for network in _SPECIAL_6)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, whichever way; any other address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    # `::` and `::1` are addresses of their own.
    if int(address) > 1 and any(address in network for network in _BEHIND_96):
        return ipaddress.IPv4Address(int(address) & _LOW_32)
    return address
