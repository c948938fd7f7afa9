"""Whether a host that a server named may be asked: a stranger can't have the doctor look into the operator's network."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from shared.addresses import Address, is_public, unwrapped
from toolmesh.doctor.answer import Unanswered


def host_and_port(url: str) -> tuple[str, int]:
    """Where a URL leads. Raises Unanswered for what is no http or https URL of a host."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        raise Unanswered(f"{url} is not a URL that can be asked", "url")
    return host, port or (443 if parts.scheme == "https" else 80)


async def addresses_of(host: str, port: int) -> list[Address]:
    """The addresses of a name, or the address itself. Raises Unanswered."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as cause:
        raise Unanswered(f"the name {host} has no address", "name") from cause
    texts = dict.fromkeys(str(address[4][0]).partition("%")[0] for address in found)
    return [ipaddress.ip_address(text) for text in texts]


async def check_reachable(host: str, port: int, *, near: bool) -> None:
    """Raise Unanswered unless all its addresses are public. `near`: the visit itself is to this machine or network."""
    if near:
        return
    for address in await addresses_of(host, port):
        if not is_public(unwrapped(address)):
            raise Unanswered(f"{host} is not asked: {address} is not an address of the public internet", "address")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL (RFC 6454); empty for what is no http or https URL."""
    try:
        host, port = host_and_port(url)
    except Unanswered:
        return ""
    return f"{urlsplit(url).scheme}://{host}:{port}"
