"""`expose_tools` of `backends.yaml`: tools that are listed for everybody who may use them, by their bare names.

What stands in the way of a bare name is known from the configuration and the backend's own catalogue alone: so a name does
not depend on which backends were heard of first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edge.accepted.fitted import fits_tool
from edge.accepted.search_fetch import claims_contract
from edge.names import OWN_NAMES
from edge.tool import Tool
from shared.catalogue import canonical_name
from shared.configuration import BackendEntry

RESERVED = frozenset({"web_search", "code_interpreter", "file_search", "computer_use"})
"""OpenAI's own tools: ChatGPT refuses a whole list that has one of these names."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """Of one backend; all by its own names for its tools."""

    bare: Mapping[str, Tool] = field(default_factory=dict)
    """Listed by their own names."""
    former: Mapping[str, Tool] = field(default_factory=dict)
    """By names that tools had (`aliases`): called by these, and listed by others."""
    demoted: Mapping[str, str] = field(default_factory=dict)
    """Listed by the names that they have anyway, and why."""
    unknown: tuple[str, ...] = ()
    """The backend has no such tools."""


class Promotion:
    """What the operator has in `expose_tools`, of all backends."""

    def __init__(self, entries: Iterable[BackendEntry] = (), ours: frozenset[str] = OWN_NAMES) -> None:
        """`ours`: names of the mesh itself."""
        self._wanted = {entry.name: tuple(dict.fromkeys(entry.expose_tools)) for entry in entries}
        self._claims = Counter(name for names in self._wanted.values() for name in names)
        self._ours = ours

    def of(self, backend: str, tools: Mapping[str, Tool], former: Mapping[str, Tool] = MappingProxyType({})) -> Promoted:
        """What becomes of it with this catalogue. `former`: tools by names that they had."""
        wanted = self._wanted.get(backend, ())
        theirs = tuple(f"{other}_" for other in self._wanted if other != backend)
        canonical = {canonical_name(backend, own) for own in tools}
        known = {own: tool for own in wanted if (tool := tools.get(own) or former.get(own)) is not None}
        demoted = {own: why for own, tool in known.items() if (why := self._why_not(own, tool, theirs, canonical))}
        bare = {own: tool for own, tool in known.items() if own not in demoted}
        return Promoted(
            {own: tool for own, tool in bare.items() if own in tools},
            {own: tool for own, tool in bare.items() if own not in tools},
            {own: why for own, why in demoted.items() if own in tools},
            tuple(own for own in wanted if own not in tools),
        )

    def _why_not(self, own: str, tool: Tool, theirs: tuple[str, ...], canonical: set[str]) -> str:
        if own in RESERVED:
            return "OpenAI has a tool of that name, and refuses the whole list for it"
        if own in self._ours:
            return "the mesh has a tool of that name"
        if self._claims[own] > 1:
            return "another backend exposes a tool of that name too"
        if not fits_tool(own):
            return "clients refuse the name"
        if claims_contract(own, tool.input_schema):
            return "OpenAI's clients expect another tool by that name"
        if own in canonical or own.startswith(theirs):
            return "it may be the whole name of another tool"
        return ""


NOBODY = Promotion()
"""Where nothing is promoted."""
