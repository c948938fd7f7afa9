"""What an entry of `backends.yaml` says of where its backend may lead: private addresses, held against its URL
(`shared/private_hosts.py`), and hosts by their names (`shared/listed_hosts.py`)."""

import ipaddress
import socket
from urllib.parse import urlsplit

from shared.addresses import is_loopback, is_public
from shared.configuration import BackendEntry
from shared.listed_hosts import ListedHosts
from shared.private_hosts import PrivateHosts
from shared.yaml_entries import Report

PRIVATE_HOSTS_MAX = 100
LISTED_HOSTS_MAX = 100
_PORTS = {"http": 80, "https": 443}


def check_private(entry: BackendEntry, report: Report) -> None:
    """Report what can't be right. Names are looked up when they are connected to, not here."""
    _check_of_rest(entry, report)
    if entry.transport not in ("http", "rest"):
        for key in ("allow_private_url", "private_hosts"):
            if getattr(entry, key) != getattr(_PLAIN, key):
                report(
                    key,
                    f"transport `{entry.transport}` is not reached by a URL, so it does nothing. Remove it.",
                )
        return
    if len(entry.private_hosts) > PRIVATE_HOSTS_MAX:
        report("private_hosts", f"more than {PRIVATE_HOSTS_MAX}. Write the network that they are in, such as `10.0.0.0/8`.")
        return
    try:
        listed = PrivateHosts.parse(entry.private_hosts)
    except ValueError as wrong:
        report("private_hosts", f"{wrong}. Write `host`, `host:port`, an address, or a network such as `10.0.0.0/8`.")
        return
    if entry.url:
        _check_host(entry, entry.url, listed, report)


def _check_of_rest(entry: BackendEntry, report: Report) -> None:
    for key in ("allow_private_file_url", "file_url_allowed_hosts", "credential_hosts"):
        value = getattr(entry, key)
        if entry.transport != "rest":
            if value != getattr(_PLAIN, key):
                report(key, f"it is for transport `rest`, so it does nothing with `{entry.transport}`. Remove it.")
        elif isinstance(value, tuple):
            _check_listed(key, value, report)


def _check_listed(key: str, texts: tuple[str, ...], report: Report) -> None:
    if len(texts) > LISTED_HOSTS_MAX:
        report(key, f"more than {LISTED_HOSTS_MAX}. Write `*.example.com` for all hosts below `example.com`.")
        return
    try:
        ListedHosts.parse(texts)
    except ValueError as wrong:
        report(key, f"{wrong}. Write `host`, `host:port`, or `*.example.com`, without a scheme or path.")


def _check_host(entry: BackendEntry, url: str, listed: PrivateHosts, report: Report) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return  # reported where URLs are
    if _is_odd(host):
        report("url", f"`{host}` is an address that programs read in different ways. Write all four numbers of it.")
    elif not entry.allow_private_url and not listed.has_name(host, port) and _is_private(host, port, listed):
        report("url", "is a private address, which `allow_private_url: false` forbids. List it under `private_hosts`.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_odd(host: str) -> bool:
    """Whether it is an address that is not written as one: `127.1`, `0x7f000001`, `0177.0.0.1`."""
    if _is_address(host):
        return False
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


def _is_private(host: str, port: int, listed: PrivateHosts) -> bool:
    """Whether it is plain without a look-up that the host is private, and not listed."""
    if not _is_address(host):
        return is_loopback(host) and not listed.networks
    address = ipaddress.ip_address(host)
    return not is_public(address) and not listed.has_address(address, port)


_PLAIN = BackendEntry(name="", transport="echo")
