"""Which addresses may be reached.

Judged is each address of a name, at the moment of connecting, as what it stands for (`shared/addresses.py`). What a URL
looks like says nothing: `127.1`, `0x7f000001` and a name of one's own DNS are all the same machine.
"""

from dataclasses import dataclass

from shared.addresses import Address, is_public
from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.listed_hosts import ListedHosts
from shared.private_hosts import PrivateHosts


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """For the URLs of one origin: the operator's, or what arguments and answers name."""

    private: bool
    """Whether any address will do."""
    listed: PrivateHosts
    """What will do although it is not public."""
    hosts: ListedHosts | None = None
    """The only hosts that will do, by their names; None for all."""

    def allows(self, host: str, port: int, address: Address) -> bool:
        """Whether that address of that host may be connected to."""
        return self.private or self.listed.has_name(host, port) or self.allows_address(address, port)

    def allows_address(self, address: Address, port: int) -> bool:
        """Whether that address may be connected to, whatever the name that it was found by."""
        return self.private or is_public(address) or self.listed.has_address(address, port)


def policy_of_operator(entry: BackendEntry) -> Policy:
    """For URLs that the operator wrote. Raises ConfigurationError for a list that can't be read."""
    return Policy(private=entry.allow_private_url, listed=_listed(entry))


def policy_of_strangers(entry: BackendEntry) -> Policy:
    """For URLs out of arguments and answers. Raises ConfigurationError."""
    return Policy(private=False, listed=_listed(entry))


def policy_of_files(entry: BackendEntry) -> Policy:
    """For the URLs of files that callers send. Raises ConfigurationError."""
    try:
        hosts = ListedHosts.parse(entry.file_url_allowed_hosts) if entry.file_url_allowed_hosts else None
    except ValueError as cause:
        raise ConfigurationError(f"Backend {entry.name!r}: `file_url_allowed_hosts`: {cause}.") from None
    return Policy(private=entry.allow_private_file_url, listed=_listed(entry), hosts=hosts)


def _listed(entry: BackendEntry) -> PrivateHosts:
    try:
        return PrivateHosts.parse(entry.private_hosts)
    except ValueError as cause:
        raise ConfigurationError(f"Backend {entry.name!r}: `private_hosts`: {cause}.") from None
