"""How our scopes are called at another authorization server, in both directions (RFC 6749 section 3.3)."""

from collections.abc import Iterable, Mapping

from shared import scopes


class ScopeNames:
    """The names at one server. Where nothing is mapped they are our own."""

    def __init__(self, mapped: Mapping[str, tuple[str, ...]] | None = None, prefix: str = "") -> None:
        """`mapped`: theirs → ours. `prefix`: what a client puts before a name when it asks for it."""
        given = mapped or {scope: (scope,) for scope in scopes.ALL}
        self._ours = {theirs: frozenset(ours) for theirs, ours in given.items()}
        self._prefix = prefix

    def ours(self, theirs: Iterable[str]) -> tuple[str, ...]:
        """What scopes of a token stand for, in our order; those that nothing is known of stand for nothing."""
        return scopes.in_order(scope for name in theirs for scope in self._ours.get(name, ()))

    def asked(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """What a client is to ask for there, to get these of ours and as little beside as can be."""
        left = set(wanted)
        all_wanted = frozenset(left)
        found: list[str] = []
        while left:
            useful = [name for name, ours in self._ours.items() if ours & left]
            if not useful:
                break
            best = min(useful, key=lambda name: (len(self._ours[name] - all_wanted), -len(self._ours[name] & left)))
            found.append(self._prefix + best)
            left -= self._ours[best]
        return tuple(found)

    @property
    def all(self) -> tuple[str, ...]:
        """All names that give something of the resource, as a client asks for them (RFC 9728 section 2).

        `offline_access` is a matter between client and authorization server, and stays out (MCP, SEP-2207).
        """
        return tuple(self._prefix + name for name, ours in self._ours.items() if ours & set(scopes.OF_RESOURCE))


OURS = ScopeNames()
"""The names at our own server."""
