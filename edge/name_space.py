"""All names by which tools are listed and called at the endpoint of all backends.

Canonical names stand in one table, so that a call by one of them costs no more than a look-up; whatever else a tool is
called by stands in another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from edge.accepted.fitted import fits_tool
from edge.backend_names import BackendNames, Listed, accepted
from edge.names import OWN_NAMES
from edge.shelf import Shelf
from edge.tool import Tool
from shared.catalogue import canonical_name


@dataclass(frozen=True, slots=True)
class NameSpace:
    """As of one moment. Replaced as a whole, never changed."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    """By canonical name, in the order of the names."""
    aliases: Mapping[str, Tool] = field(default_factory=dict)
    """By other names."""
    listed: Mapping[str, Listed] = field(default_factory=dict)
    """By the names that clients see, in order; without those that can't be listed."""
    promoted: Mapping[str, Listed] = field(default_factory=dict)
    """Those of `expose_tools`, by the names that they are listed by: bare ones, where nothing stands in the way."""

    def find(self, name: str) -> Tool | None:
        """The tool that is called that."""
        return self.tools.get(name) or self.aliases.get(name)


class Names(Protocol):
    """Who knows them as they are now."""

    name_space: NameSpace


def name_space(shelves: Mapping[str, Shelf], names: Mapping[str, BackendNames]) -> NameSpace:
    """Put the backends together. `shelves`, `names`: by backend."""
    tools: dict[str, Tool] = {}
    listed: dict[str, Listed] = {}
    for each in names.values():
        tools |= each.settled
        listed |= each.settled_listed
    aliases: list[tuple[str, Tool]] = []
    for each in names.values():
        for own, alias in each.outer.alias.items():
            tool, contested = each.shelf.tools[own], each.outer.contested.get(own)
            ours = tool.name not in OWN_NAMES and (contested is None or _is_free(tool.name, contested, shelves))
            if ours:
                tools[tool.name] = tool
            aliases.append((alias, tool))
            if not tool.accepted.refused:
                name = tool.name if ours and fits_tool(tool.name) else alias
                listed[name] = accepted(tool, name)
        aliases += _former(each, shelves)
        aliases += each.promoted.bare.items()
    bare = _bare(names)
    table: dict[str, Tool] = {}
    for name, tool in sorted(aliases, key=lambda pair: (pair[0], pair[1].name)):
        if name not in tools and name not in OWN_NAMES:
            table.setdefault(name, tool)
    return NameSpace(_in_order(tools), table, _in_order(listed), _promoted(names, listed, bare))


def _bare(names: Mapping[str, BackendNames]) -> dict[str, Listed]:
    """Tools that are listed by their bare names."""
    return {
        own: accepted(tool, own)
        for each in names.values()
        for own, tool in each.promoted.bare.items()
        if not tool.accepted.refused
    }


def _promoted(
    names: Mapping[str, BackendNames], listed: Mapping[str, Listed], bare: Mapping[str, Listed]
) -> dict[str, Listed]:
    demoted = {id(each.shelf.tools[own]) for each in names.values() for own in each.promoted.demoted}
    whole = {name: each for name, each in listed.items() if id(each.tool) in demoted} if demoted else {}
    return _in_order({**whole, **bare})


def _former(names: BackendNames, shelves: Mapping[str, Shelf]) -> Iterable[tuple[str, Tool]]:
    """What tools were called before, canonical and as it was listed."""
    yield from names.promoted.former.items()
    for old, tool in names.former.items():
        name, contested = canonical_name(names.shelf.backend, old), names.outer_former.contested.get(old)
        if contested is None or _is_free(name, contested, shelves):
            yield name, tool
        if old in names.outer_former.alias:
            yield names.outer_former.alias[old], tool


def _is_free(name: str, others: Iterable[str], shelves: Mapping[str, Shelf]) -> bool:
    """Whether none of the backends that a name would rather belong to has it. Of one that was not heard of yet nobody
    knows: its tool must not come under a name that a client knows another one by."""
    return all(other in shelves and name.removeprefix(f"{other}_") not in shelves[other].tools for other in others)


V = TypeVar("V")


def _in_order(table: dict[str, V]) -> dict[str, V]:
    return {name: table[name] for name in sorted(table)}
