"""Hosts that an operator lists by name: where files may be fetched from (`file_url_allowed_hosts`), where a backend's
credential may go beside its own host (`credential_hosts`).

`host` or `host:port`; `*.example.com` stands for every host below `example.com`, and not for that itself. An address is a
host like any other: it is compared as it is written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from shared.private_hosts import canonical

_HOST = re.compile(
    r"((?:\*\.)?[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?",
)


@dataclass(frozen=True, slots=True)
class ListedHosts:
    """What is listed. A port of None stands for all."""

    names: frozenset[tuple[str, int | None]] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "ListedHosts":
        """Raises ValueError with what is wrong with the first text that is none of the forms."""
        names: set[tuple[str, int | None]] = set()
        for text in texts:
            found = _HOST.fullmatch(canonical(text))
            if found is None:
                raise ValueError(f"`{text[:80]}` is neither a host, nor host:port, nor `*.` and a host")
            names.add((found[1].strip("[]"), int(found[2]) if found[2] else None))
        return cls(frozenset(names))

    def has(self, host: str, port: int) -> bool:
        """Whether it is one of them; `host` as in a URL, an address of IPv6 without its brackets."""
        host = canonical(host)
        labels = host.split(".")
        wider = ("*." + ".".join(labels[at:]) for at in range(1, len(labels)))
        return any((name, of) in self.names for name in (host, *wider) for of in (port, None))


NO_HOSTS = ListedHosts()
"""Nothing is listed."""
