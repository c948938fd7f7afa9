"""Of which class a caller is: `caller-classes.yaml`, asked."""

from collections.abc import Iterable, Mapping

UNTRUSTED = "untrusted"
"""The class of whom no pattern names."""


class CallerClasses:
    """An exact pattern counts before any prefix, and of prefixes the longest: the order of the file never matters."""

    def __init__(self, classes: Mapping[str, Iterable[str]]) -> None:
        self._exact: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        for name, patterns in classes.items():
            for pattern in patterns:
                if pattern.endswith("*"):
                    self._prefixes[pattern[:-1]] = name
                else:
                    self._exact[pattern] = name
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)

    def of(self, caller_id: str) -> str:
        """The class of a client or key."""
        if found := self._exact.get(caller_id):
            return found
        for length in self._lengths:
            if length <= len(caller_id) and (found := self._prefixes.get(caller_id[:length])):
                return found
        return UNTRUSTED
