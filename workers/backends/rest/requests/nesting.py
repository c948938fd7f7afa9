"""Names with dots as objects in one another (`nest_body_keys`): `gw.mon` → `{"gw": {"mon": …}}`."""

from collections.abc import Iterable, Mapping
from typing import Any


class Nesting:
    """The body parameters of one tool."""

    def __init__(self, names: Iterable[str]) -> None:
        # The shortest first, so that what is given decides the outcome, and its order does not.
        ways = [(name, name.split(".")) for name in names]
        self._ways = sorted((way for way in ways if len(way[1]) > 1 and all(way[1])), key=lambda way: len(way[1]))
        self._nested = frozenset(name for name, _ in self._ways)

    def nested(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values by their nested names. A name whose place is another's, or lies within one, stays as it is written."""
        found = {name: value for name, value in values.items() if name not in self._nested}
        ours = {id(found)}
        """The objects that were made here: into one that a caller gave nothing is put."""
        for name, way in self._ways:
            if name in values:
                self._put(found, way, name, values[name], ours)
        return found

    def _put(self, found: dict[str, Any], way: list[str], name: str, value: Any, ours: set[int]) -> None:
        at: Any = found
        for key in way[:-1]:
            at = at.get(key, _NOTHING)
            if at is _NOTHING:
                break
            if id(at) not in ours:
                found[name] = value
                return
        if at is not _NOTHING and way[-1] in at:
            found[name] = value
            return
        at = found
        for key in way[:-1]:
            if key not in at:
                at[key] = {}
                ours.add(id(at[key]))
            at = at[key]
        at[way[-1]] = value


_NOTHING = object()
